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
  /** `2 runs in runs`. */
  readonly from: string;
}

/** Runs that are read at most, the newest first. */
const mostRuns = 20;

/** Values of a run's steps. */
interface Steps {
  readonly tokensPerSecond: readonly number[];
  readonly learnSecondsPerToken: readonly number[];
  readonly tokensPerRollout: readonly number[];
}

/**
 * Reads the newest runs of a folder that were made on this machine, on the same engine and device, with a model of the
 * same architecture and size. Ranges are the 10 % and 90 % quantiles over steps, the expected value is the median.
 *
 * @returns `undefined` if no such run has recorded a step.
 */
export async function readHistory(folder: string, info: EngineInfo): Promise<History | undefined> {
  const runs = (await listRuns(folder)).flatMap((one) => ('summary' in one ? [one.summary] : []));
  const newest = runs.toSorted((a, b) => b.createdAt.localeCompare(a.createdAt)).slice(0, mostRuns);
  const found: Steps[] = [];
  for (const run of newest) {
    using reader = await openRunReader(join(folder, run.folder));
    const steps = stepsOf(reader);
    if (isAlike(reader, info) && steps.learnSecondsPerToken.length > 0) found.push(steps);
  }
  if (found.length === 0) return undefined;
  return {
    tokensPerSecond: spread(found.flatMap(({ tokensPerSecond }) => tokensPerSecond)),
    learnSecondsPerToken: spread(found.flatMap(({ learnSecondsPerToken }) => learnSecondsPerToken)),
    tokensPerRollout: mean(found.flatMap(({ tokensPerRollout }) => tokensPerRollout)),
    from: `${found.length === 1 ? '1 run' : `${found.length} runs`} in ${folder}`,
  };
}

/** Whether the last process of a run had this host, engine, and kind of model. */
function isAlike(run: RunReader, info: EngineInfo): boolean {
  const session = run.sessions().at(-1);
  const engine = session?.engine as Partial<EngineInfo> | null | undefined;
  const keys = ['engine', 'device', 'architecture', 'parameters'] as const;
  return session?.host === hostname() && keys.every((key) => engine?.[key] === info[key]);
}

function stepsOf(run: RunReader): Steps {
  const tokens = valuesByStep(run, 'rollout/tokens');
  const learning = [...valuesByStep(run, 'time/learn')];
  return {
    tokensPerSecond: [...valuesByStep(run, 'throughput/sampledTokensPerSecond').values()],
    learnSecondsPerToken: learning.flatMap(([step, seconds]) => {
      const written = tokens.get(step) ?? 0;
      return written > 0 ? [seconds / written] : [];
    }),
    tokensPerRollout: [...valuesByStep(run, 'rollout/length/mean').values()],
  };
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
