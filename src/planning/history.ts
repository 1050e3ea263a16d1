import { hostname } from 'node:os';
import { join } from 'node:path';
import type { EngineInfo } from '../engines/engine.ts';
import { listRuns } from '../runs/reading/list-runs.ts';
import { openRunReader, type RunReader } from '../runs/reading/run-reader.ts';
import { mean, quantile } from '../statistics/summary.ts';
import type { Range } from './range.ts';

/** Speed and length of rollouts in earlier runs of one model on this machine. */
export interface History {
  /** Tokens written per second while sampling. */
  readonly tokensPerSecond: Range;
  /** Seconds of learning per token written. */
  readonly learnSecondsPerToken: Range;
  /** Mean tokens written per rollout. */
  readonly tokensPerRollout: number;
  /** Source of these values, such as `2 runs in runs`. */
  readonly from: string;
}

/** Maximum number of runs to read, newest first. */
const mostRuns = 20;

/** Work and time of one step. */
export interface MeasuredStep {
  /** Tokens written by the policy. */
  readonly tokens: number;
  readonly rollouts: number;
  /** Seconds of sampling and judging. */
  readonly rolloutSeconds: number;
  readonly learnSeconds: number;
}

/**
 * Reads the newest runs in a folder that were made on this machine, on the same engine and device, with a model of the
 * same architecture and size.
 *
 * @returns `undefined` if no such run has recorded a step.
 */
export async function readHistory(folder: string, info: EngineInfo): Promise<History | undefined> {
  const runs = (await listRuns(folder)).flatMap((one) => ('summary' in one ? [one.summary] : []));
  const newest = runs.toSorted((a, b) => b.createdAt.localeCompare(a.createdAt)).slice(0, mostRuns);
  const found: MeasuredStep[][] = [];
  for (const run of newest) {
    using reader = await openRunReader(join(folder, run.folder));
    const steps = isAlike(reader, info) ? stepsOf(reader) : [];
    if (steps.length > 0) found.push(steps);
  }
  if (found.length === 0) return undefined;
  return historyOf(found.flat(), `${found.length === 1 ? '1 run' : `${found.length} runs`} in ${folder}`);
}

/**
 * Summarises steps: the expected value is the median, and the range extends from the 10 % to the 90 % quantile.
 *
 * @param from source of the steps, shown in the plan.
 */
export function historyOf(steps: readonly MeasuredStep[], from: string): History {
  return {
    tokensPerSecond: spread(steps.map(({ tokens, rolloutSeconds }) => tokens / rolloutSeconds)),
    learnSecondsPerToken: spread(steps.map(({ tokens, learnSeconds }) => learnSeconds / tokens)),
    tokensPerRollout: mean(steps.map(({ tokens, rollouts }) => tokens / rollouts)),
    from,
  };
}

/** Returns whether the last process of a run had the same host, engine, device and kind of model. */
function isAlike(run: RunReader, info: EngineInfo): boolean {
  const session = run.sessions().at(-1);
  const engine = session?.engine as Partial<EngineInfo> | null | undefined;
  const keys = ['engine', 'device', 'architecture', 'parameters'] as const;
  return session?.host === hostname() && keys.every((key) => engine?.[key] === info[key]);
}

/** Returns the steps that sampled; the other steps learned from examples. */
function stepsOf(run: RunReader): MeasuredStep[] {
  const names = ['rollout/tokens', 'rollout/count', 'throughput/sampledTokensPerSecond', 'time/learn'];
  const [tokens, rollouts, speed, learning] = names.map((name) => valuesByStep(run, name));
  return [...tokens!].flatMap(([step, written]) => {
    const [count, perSecond, learnSeconds] = [rollouts!.get(step), speed!.get(step), learning!.get(step)];
    if (written === 0 || !count || !perSecond || learnSeconds === undefined) return [];
    return [{ tokens: written, rollouts: count, rolloutSeconds: written / perSecond, learnSeconds }];
  });
}

function valuesByStep(run: RunReader, name: string): Map<number, number> {
  const { steps, values } = run.metric(name);
  return new Map(Array.from(steps, (step, i) => [step, values[i]!]));
}

const spread = (values: readonly number[]): Range => ({
  low: quantile(values, 0.1),
  expected: quantile(values, 0.5),
  high: quantile(values, 0.9),
});
