import * as z from 'zod';
import type { Trials } from '../../../difficulty/pass-rates/trials.ts';
import { differenceOf, type Estimate, wilsonInterval } from '../../../statistics/intervals.ts';

/** Share of the counts that remains after a step: a memory of about fifty steps. */
const memory = 0.98;
/** Minimum gain in live share that is worth the risk of selection. */
const leastGain = 0.02;
/**
 * Ratios of live shares, which bound the speed-up: selection stops below the first and resumes from the second.
 */
const [stopRatio, startRatio] = [1.15, 1.3];
/**
 * Minimum numbers of groups of each kind before the interval of their difference, and the estimate of their ratio, are
 * tested.
 */
const leastGroups = { difference: 20, ratio: 40 };

const armState = z.strictObject({
  groups: z.number().min(0),
  /** Sum of squared weights: the effective number of groups is groups² / squares. */
  squares: z.number().min(0),
  live: z.number().min(0),
  /** Sum of the brake factors of live groups. */
  worth: z.number().min(0),
  tokens: z.number().min(0),
  rollouts: z.number().min(0),
  successes: z.number().min(0),
  trials: z.number().min(0),
});
type Arm = z.infer<typeof armState>;

/** Saved form of a `ControlGroup`. */
export const controlGroupState = z.strictObject({
  uniform: armState,
  selected: armState,
  isSelectionUseless: z.boolean(),
});

/** A group that was drawn uniformly or selected. */
export interface DrawnGroup extends Trials {
  readonly kind: 'uniform' | 'selected';
  /** Whether the group has an advantage other than 0. */
  readonly isLive: boolean;
  /** Brake factor of the group's problem, in (0, 1]. */
  readonly factor: number;
  readonly tokens: number;
  readonly rollouts: number;
}

/**
 * Compares uniform draws with selected draws during training. The uniform draws are an unbiased sample of the
 * pool: they estimate its live share and pass rate without a measurement.
 */
export class ControlGroup {
  readonly #tokenCost: number;
  #uniform: Arm = noGroups;
  #selected: Arm = noGroups;
  #isSelectionUseless = false;

  /** @param tokenCost exponent of the expected number of tokens by which the sampler divides weights. */
  constructor(tokenCost: number) {
    this.#tokenCost = tokenCost;
  }

  /** Discounts the counts by one step. */
  age(): void {
    this.#uniform = aged(this.#uniform);
    this.#selected = aged(this.#selected);
  }

  add({ kind, ...group }: DrawnGroup): void {
    if (kind === 'uniform') this.#uniform = withGroup(this.#uniform, group);
    else this.#selected = withGroup(this.#selected, group);
  }

  /** Live share of uniform draws with its 95 % interval (Wilson); undefined without draws. */
  get liveUniform(): Estimate | undefined {
    return shareOf(this.#uniform, this.#uniform.live);
  }

  /** Live share of selected draws with its 95 % interval (Wilson); undefined without draws. */
  get liveSelected(): Estimate | undefined {
    return shareOf(this.#selected, this.#selected.live);
  }

  /** Mean pass rate of the pool; undefined without draws. */
  get passRate(): number | undefined {
    const { successes, trials } = this.#uniform;
    return trials > 0 ? successes / trials : undefined;
  }

  /**
   * True if selection cannot pay off: the interval excludes a gain of 0.02 in live share, or the ratio of the
   * live shares, which bounds the speed-up of training, is estimated below 1.15. Stays true until the ratio
   * reaches 1.3. A live group is weighted by the brake of its problem; otherwise random verdicts would make
   * the pool look good. With `tokenCost`, live groups count per token.
   */
  get isSelectionUseless(): boolean {
    return this.#isSelectionUseless;
  }

  /** Updates the comparison after the groups of a step. */
  compare(): void {
    const [uniform, selected] = [this.#uniform, this.#selected];
    const [poolWorth, worth] = [shareOf(uniform, uniform.worth), shareOf(selected, selected.worth)];
    if (poolWorth === undefined || worth === undefined) return;
    const groups = Math.min(effectiveGroups(uniform), effectiveGroups(selected));
    if (groups < leastGroups.difference) return;
    const ratio = (tokensPerRollout(uniform) / tokensPerRollout(selected)) ** this.#tokenCost;
    const perToken = { mean: ratio * worth.mean, low: ratio * worth.low, high: ratio * worth.high };
    const isGainSmall = differenceOf(perToken, poolWorth).high < leastGain;
    const leastRatio = this.#isSelectionUseless ? startRatio : stopRatio;
    const isRatioSmall = groups >= leastGroups.ratio && perToken.mean < leastRatio * poolWorth.mean;
    this.#isSelectionUseless = isGainSmall || isRatioSmall;
  }

  save(): z.infer<typeof controlGroupState> {
    return { uniform: this.#uniform, selected: this.#selected, isSelectionUseless: this.#isSelectionUseless };
  }

  restore({ uniform, selected, isSelectionUseless }: z.infer<typeof controlGroupState>): void {
    this.#uniform = uniform;
    this.#selected = selected;
    this.#isSelectionUseless = isSelectionUseless;
  }
}

const noGroups: Arm = {
  groups: 0,
  squares: 0,
  live: 0,
  worth: 0,
  tokens: 0,
  rollouts: 0,
  successes: 0,
  trials: 0,
};

const aged = (arm: Arm): Arm => ({
  groups: memory * arm.groups,
  squares: memory ** 2 * arm.squares,
  live: memory * arm.live,
  worth: memory * arm.worth,
  tokens: memory * arm.tokens,
  rollouts: memory * arm.rollouts,
  successes: memory * arm.successes,
  trials: memory * arm.trials,
});

const withGroup = (arm: Arm, group: Omit<DrawnGroup, 'kind'>): Arm => ({
  groups: arm.groups + 1,
  squares: arm.squares + 1,
  live: arm.live + Number(group.isLive),
  worth: arm.worth + (group.isLive ? group.factor : 0),
  tokens: arm.tokens + group.tokens,
  rollouts: arm.rollouts + group.rollouts,
  successes: arm.successes + group.successes,
  trials: arm.trials + group.trials,
});

/** Returns the size of an unweighted sample with the same information. */
const effectiveGroups = ({ groups, squares }: Arm): number => (squares === 0 ? 0 : groups ** 2 / squares);

/** Returns the tokens per rollout; 1 if no token was written, so that the ratio of two arms is defined. */
const tokensPerRollout = ({ tokens, rollouts }: Arm): number => (tokens === 0 ? 1 : tokens / rollouts);

/**
 * Returns a sum over groups as a share of their number; undefined without groups. Wilson's interval is conservative if
 * the summands are between 0 and 1 instead of 0 or 1.
 */
function shareOf(arm: Arm, total: number): Estimate | undefined {
  const trials = effectiveGroups(arm);
  if (trials === 0) return undefined;
  const mean = Math.min(1, total / arm.groups);
  return { mean, ...wilsonInterval(mean * trials, trials) };
}
