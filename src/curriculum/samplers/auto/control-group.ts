import * as z from 'zod';
import { noTrials, type Trials } from '../../../difficulty/pass-rates/trials.ts';
import { differenceOfRates, wilsonInterval, type Estimate } from '../../../statistics/intervals.ts';

/** Share of the counts that is left after a step: a memory of about fifty steps. */
const memory = 0.98;
/** Gain in live share below which selection is not worth its risk. */
const leastGain = 0.02;
/** Groups of each kind before they are compared. */
const leastGroups = 20;

const armState = z.strictObject({
  live: z.number().min(0),
  groups: z.number().min(0),
  /** Sum of squared weights: the effective number of groups is groups² / squares. */
  squares: z.number().min(0),
});
type Arm = z.infer<typeof armState>;

/** Saved form of a `ControlGroup`. */
export const controlGroupState = z.strictObject({
  uniform: armState,
  selected: armState,
  successes: z.number().min(0),
  trials: z.number().min(0),
});

/**
 * Compares uniform draws with selected ones while training. The uniform draws are an unbiased sample of the pool: they
 * estimate its live share and pass rate without a measurement.
 */
export class ControlGroup {
  #uniform: Arm = noGroups;
  #selected: Arm = noGroups;
  #successes = 0;
  #trials = 0;

  /** Ages the counts by a step. */
  age(): void {
    this.#uniform = aged(this.#uniform);
    this.#selected = aged(this.#selected);
    this.#successes *= memory;
    this.#trials *= memory;
  }

  /** Adds a group; `isLive`: it has an advantage other than 0. */
  add(kind: 'uniform' | 'selected', isLive: boolean, successes: number, trials: number): void {
    if (kind === 'selected') {
      this.#selected = withGroup(this.#selected, isLive);
      return;
    }
    this.#uniform = withGroup(this.#uniform, isLive);
    this.#successes += successes;
    this.#trials += trials;
  }

  /** Live share of uniform draws with its 95 % interval (Wilson); undefined without draws. */
  get liveUniform(): Estimate | undefined {
    return shareOf(this.#uniform);
  }

  /** Live share of selected draws with its 95 % interval (Wilson); undefined without draws. */
  get liveSelected(): Estimate | undefined {
    return shareOf(this.#selected);
  }

  /** Mean pass rate of the pool; undefined without draws. */
  get passRate(): number | undefined {
    return this.#trials > 0 ? this.#successes / this.#trials : undefined;
  }

  /** Whether the data exclude a gain of 0.02 in live share. */
  get isSelectionUseless(): boolean {
    const [uniform, selected] = [effective(this.#uniform), effective(this.#selected)];
    if (Math.min(uniform.trials, selected.trials) < leastGroups) return false;
    return differenceOfRates(selected, uniform).high < leastGain;
  }

  save(): z.infer<typeof controlGroupState> {
    const [uniform, selected] = [this.#uniform, this.#selected];
    return { uniform, selected, successes: this.#successes, trials: this.#trials };
  }

  restore({ uniform, selected, successes, trials }: z.infer<typeof controlGroupState>): void {
    this.#uniform = uniform;
    this.#selected = selected;
    this.#successes = successes;
    this.#trials = trials;
  }
}

const noGroups: Arm = { live: 0, groups: 0, squares: 0 };

const aged = ({ live, groups, squares }: Arm): Arm => ({
  live: memory * live,
  groups: memory * groups,
  squares: memory ** 2 * squares,
});

const withGroup = ({ live, groups, squares }: Arm, isLive: boolean): Arm => ({
  live: live + Number(isLive),
  groups: groups + 1,
  squares: squares + 1,
});

/** Live groups as successes of the unweighted sample that would be as informative. */
function effective({ live, groups, squares }: Arm): Trials {
  if (squares === 0) return noTrials;
  const trials = groups ** 2 / squares;
  return { successes: Math.min(trials, (live / groups) * trials), trials };
}

function shareOf(arm: Arm): Estimate | undefined {
  const { successes, trials } = effective(arm);
  return trials === 0 ? undefined : { mean: successes / trials, ...wilsonInterval(successes, trials) };
}
