import { judgedRollouts } from '../../algorithms/scored-group.ts';
import { splitIntoCells } from '../../curriculum/samplers/cells.ts';
import type { PoolProblem } from '../../curriculum/samplers/problem-sampler.ts';
import { criticalBatch, type NoiseParts, signalLost } from '../../curriculum/worth/critical-batch.ts';
import { describeWorth } from '../../curriculum/worth/describe-worth.ts';
import type { PooledTrials } from '../../curriculum/worth/live-share.ts';
import {
  type MeasuredShares,
  measuredWorth,
  type StagingWorth,
  stagingWorth,
} from '../../curriculum/worth/staging-worth.ts';
import { countTrials, type Trials } from '../../difficulty/pass-rates/trials.ts';
import { sum } from '../../statistics/summary.ts';
import { openRunReader, type RunReader } from '../../runs/reading/run-reader.ts';
import type { RolledBatch } from './collect-batch.ts';
import type { Metrics } from './step-metrics.ts';
import type { RunEvent } from '../../runs/files/records.ts';
import type { ResolvedStage } from '../../recipe/resolve-stage.ts';

/** Number of a stage's steps on which one estimate is based. */
const windowSteps = 20;
/**
 * Number of recent splits from which the critical batch is estimated; older ones are dropped, because the noise grows
 * over time.
 */
const recentSplits = 20;

/** A stage and its pool. */
export interface MonitoredStage {
  readonly settings: ResolvedStage;
  readonly pool: readonly PoolProblem[];
}

/** Position of a step: 1-based in the run, 0-based in the stage. */
export interface StepPlace {
  readonly step: number;
  readonly stepInStage: number;
}

/** Metrics of a step's signal and, after the first 20 steps of a stage, an event with the estimate. */
export interface WorthRecord {
  readonly metrics: Metrics;
  readonly event: RunEvent | null;
}

/**
 * Estimates the worth of selection every 20 steps of a stage: from the stage's own groups if they are drawn uniformly,
 * or from the control group of `auto()`. Makes no estimate for other samplers, whose draws are not a random sample of
 * the pool. Its state is part of the run's records, so a resumed run continues identically.
 */
export class WorthMonitor {
  readonly #stage: MonitoredStage;
  readonly #cellOf: ReadonlyMap<string, string>;
  #noise: NoiseParts[] = [];
  #window: PooledTrials[] = [];

  private constructor(stage: MonitoredStage) {
    this.#stage = stage;
    const { cellOf } = splitIntoCells(stage.pool);
    this.#cellOf = new Map(stage.pool.map(({ id }, i) => [id, String(cellOf[i])]));
  }

  /** Opens the monitor of a stage that continues after `step`; restores its state from the records of the run. */
  static async open(
    directory: string,
    stage: MonitoredStage,
    { step, stepInStage }: StepPlace,
  ): Promise<WorthMonitor> {
    const monitor = new WorthMonitor(stage);
    if (step === 0) return monitor;
    using reader = await openRunReader(directory);
    monitor.#noise = noiseOf(reader).slice(-recentSplits);
    for (let one = step - (stepInStage % windowSteps) + 1; one <= step; one++) {
      for (const { problemId, correct, trials } of reader.groups({ step: one, purpose: 'train' }))
        monitor.#add(problemId, { successes: correct, trials });
    }
    return monitor;
  }

  /**
   * Adds a step and returns its metrics.
   * @param learned metrics of the step's updates, including the gradient noise if it was measured.
   */
  take(
    { step, stepInStage }: StepPlace,
    { groups, admitted }: RolledBatch,
    learned: Metrics,
    sampler: Readonly<Record<string, number>>,
  ): WorthRecord {
    const [noise, signal] = [learned['gradient/noise'], learned['gradient/signal']];
    if (noise !== undefined && signal !== undefined)
      this.#noise = [...this.#noise, { noise, signal }].slice(-recentSplits);
    for (const { problem, rollouts } of groups)
      this.#add(problem.id, countTrials(rollouts.map(({ verdict }) => verdict)));
    const judged = groups.filter((group) => judgedRollouts(group).length > 0).length;
    const live = admitted.filter((group) => !group.isZeroAdvantage).length;
    const worth = (stepInStage + 1) % windowSteps === 0 ? this.#estimate(sampler, stepInStage) : null;
    const isFirst = stepInStage + 1 === windowSteps;
    return {
      metrics: { ...this.#batchMetrics(live, judged), ...worthMetrics(worth) },
      event: worth !== null && isFirst ? worthEvent(this.#stage.settings.config.name, step, worth) : null,
    };
  }

  #batchMetrics(live: number, groups: number): Metrics {
    if (this.#noise.length < 2) return {};
    const { mean, low, high } = criticalBatch(this.#noise);
    const { updatesPerStep } = this.#stage.settings;
    return {
      ...(groups > 0 && {
        'group/signalLost': signalLost(live / updatesPerStep, groups / updatesPerStep, mean),
      }),
      ...finite({
        'gradient/criticalBatch': mean,
        'gradient/criticalBatch/low': low,
        'gradient/criticalBatch/high': high,
      }),
    };
  }

  #estimate(sampler: Readonly<Record<string, number>>, stepInStage: number): StagingWorth | null {
    const { settings, pool } = this.#stage;
    const { groupSize, problemsPerStep, updatesPerStep, config } = settings;
    const problemsPerUpdate = problemsPerStep / updatesPerStep;
    const records = this.#window.filter(({ trials }) => trials > 0);
    this.#window = [];
    // Live groups from other starts are not evidence about the worth of selecting problems.
    if (config.starts !== undefined && config.starts.type !== 'prompt') return null;
    if (config.sampler.type === 'auto') return this.#measured(sampler, problemsPerUpdate, stepInStage);
    if (config.sampler.type !== 'uniform' || records.length === 0) return null;
    const size = {
      groupSize,
      problemsPerStep,
      problemsPerUpdate,
      steps: config.maxSteps,
      problems: pool.length,
    };
    return stagingWorth(records, this.#noise, size, stepInStage);
  }

  #measured(
    sampler: Readonly<Record<string, number>>,
    problemsPerUpdate: number,
    seed: number,
  ): StagingWorth | null {
    const { mix } = this.#stage.settings.config;
    const total = sum(Object.values(mix ?? {}));
    const parts =
      mix === undefined
        ? [measuredShares(sampler, '', 1)]
        : Object.entries(mix).map(([domain, weight]) =>
            measuredShares(sampler, `${domain}/`, weight / total),
          );
    const measured = parts.filter((part) => part !== null);
    if (measured.length < parts.length) return null;
    return measuredWorth(measured, this.#noise, problemsPerUpdate, seed);
  }

  #add(problemId: string, { successes, trials }: Trials): void {
    const cell = this.#cellOf.get(problemId);
    if (cell !== undefined) this.#window.push({ successes, trials, cell });
  }
}

/**
 * Returns the shares in the metrics of `auto`; null before it has drawn groups of both kinds.
 *
 * @param prefix prefix of the metric names, to which a mix of domains adds the domain.
 */
function measuredShares(
  sampler: Readonly<Record<string, number>>,
  prefix: string,
  weight: number,
): MeasuredShares | null {
  const read = (name: string): number | undefined => sampler[`${prefix}${name}`];
  const estimateOf = (name: string) => {
    const [mean, low, high] = [read(name), read(`${name}/low`), read(`${name}/high`)];
    return mean === undefined || low === undefined || high === undefined ? null : { mean, low, high };
  };
  const [uniform, selected] = [estimateOf('liveUniform'), estimateOf('liveSelected')];
  const uniformShare = read('uniformShare');
  if (uniform === null || selected === null || uniformShare === undefined) return null;
  return { weight, uniform, selected, uniformShare };
}

/** Returns the event for an estimate; in its data, infinite ends of intervals are null. */
function worthEvent(stage: string, step: number, worth: StagingWorth): RunEvent {
  const [decision, figures] = describeWorth(worth).map((line) => line.trim());
  return {
    step,
    stage,
    type: 'staging-worth',
    message: `stage "${stage}": ${decision}; ${figures}`,
    data: JSON.parse(JSON.stringify(worth)) as unknown,
  };
}

function noiseOf(reader: RunReader): NoiseParts[] {
  const [noise, signal] = [reader.metric('gradient/noise').values, reader.metric('gradient/signal').values];
  return Array.from(noise, (value, i) => ({ noise: value, signal: signal[i]! }));
}

function worthMetrics(worth: StagingWorth | null): Metrics {
  if (worth === null) return {};
  const { speedup, liveUniform, liveSelected } = worth;
  return finite({
    'staging/worth': speedup.mean,
    'staging/worth/low': speedup.low,
    'staging/worth/high': speedup.high,
    'staging/liveUniform': liveUniform.mean,
    'staging/liveSelected': liveSelected.mean,
  });
}

const finite = (all: Metrics): Metrics =>
  Object.fromEntries(Object.entries(all).filter(([, value]) => Number.isFinite(value)));
