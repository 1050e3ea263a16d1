import {
  type AuditResult,
  auditResult,
  bestTrial,
  type FinishedTrial,
  type Measures,
  paretoFront,
  type SignalRow,
  signalTable,
  valueOf,
} from './outcome.ts';
import { type RaceConfig, type Trial, trialsOf } from './race-config.ts';
import { decideRung, type EarlySignals, earlyScore } from './rung.ts';

/** Trains and measures trials. */
export interface TrialRunner {
  /** Trains a trial up to a share of its training and returns the signals at that point. */
  reach(trial: Trial, share: number): Promise<EarlySignals>;
  /** Trains a trial to the end and measures the model. */
  finish(trial: Trial): Promise<Measures>;
}

/** A trial and its result. */
export interface RacedTrial extends Trial {
  /** The trial's early signals at the first rung. */
  readonly signals: EarlySignals;
  /** Share of the training after which the race stopped it; null if it ran to the end. */
  readonly stoppedAt: number | null;
  /** Whether the trial was stopped but trained to the end as an audit. */
  readonly isAudit: boolean;
  /** Final accuracies; absent for stopped trials without an audit. */
  readonly measures?: Measures;
}

/** Result of a race. */
export interface RaceResult {
  readonly trials: readonly RacedTrial[];
  /** Name of the best finished trial, by the accuracy that the race maximises. */
  readonly chosen: string;
  /** Names of the finished trials that no other trial beats in both measures. */
  readonly front: readonly string[];
  readonly audit: AuditResult;
  /** Correlations of early signals with the final measures, over all finished trials. */
  readonly signals: readonly SignalRow[];
}

/**
 * Races all combinations of a sweep by successive halving: each rung trains the remaining trials up to its share and
 * keeps the best by an early signal. A random share of the stopped trials is also trained to the end, to estimate how
 * often stopping was wrong.
 */
export async function race(config: RaceConfig, runner: TrialRunner): Promise<RaceResult> {
  const trials = trialsOf(config.sweep);
  const byName = new Map(trials.map((trial) => [trial.name, trial]));
  const first = new Map<string, EarlySignals>();
  const stoppedAt = new Map<string, number>();
  const audited = new Set<string>();
  let open = trials;
  for (const [rung, share] of config.rungs.entries()) {
    const scores = new Map<string, number>();
    for (const trial of open) {
      const signals = await runner.reach(trial, share);
      if (rung === 0) first.set(trial.name, signals);
      scores.set(trial.name, earlyScore(signals, config.choose));
    }
    const earlier = { stopped: stoppedAt.size, audited: audited.size };
    const decision = decideRung(scores, config, rung, earlier);
    for (const name of decision.stopped) stoppedAt.set(name, share);
    for (const name of decision.audited) audited.add(name);
    open = decision.kept.map((name) => byName.get(name)!);
  }
  const finished: FinishedTrial[] = [];
  for (const trial of trials) {
    const { name } = trial;
    if (stoppedAt.has(name) && !audited.has(name)) continue;
    const measures = await runner.finish(trial);
    finished.push({ name, isAudit: audited.has(name), signals: first.get(name)!, measures });
  }
  return resultOf(config, { trials, first, stoppedAt, finished });
}

function resultOf(
  { choose }: RaceConfig,
  {
    trials,
    first,
    stoppedAt,
    finished,
  }: {
    readonly trials: readonly Trial[];
    readonly first: ReadonlyMap<string, EarlySignals>;
    readonly stoppedAt: ReadonlyMap<string, number>;
    readonly finished: readonly FinishedTrial[];
  },
): RaceResult {
  const byName = new Map(finished.map((one) => [one.name, one]));
  const audits = finished.filter(({ isAudit }) => isAudit);
  const survivor = bestTrial(
    finished.filter(({ isAudit }) => !isAudit),
    choose,
  );
  const wrong = audits.filter(
    ({ measures }) => valueOf(measures, choose) > valueOf(survivor.measures, choose),
  );
  return {
    trials: trials.map((trial) => {
      const end = byName.get(trial.name);
      return {
        ...trial,
        signals: first.get(trial.name)!,
        stoppedAt: stoppedAt.get(trial.name) ?? null,
        isAudit: end?.isAudit ?? false,
        ...(end !== undefined && { measures: end.measures }),
      };
    }),
    chosen: bestTrial(finished, choose).name,
    front: paretoFront(finished).map(({ name }) => name),
    audit: auditResult(stoppedAt.size, audits.length, wrong.length),
    signals: signalTable(finished),
  };
}
