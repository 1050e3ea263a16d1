import type { ModelConfig } from '../../model-files/model-config.ts';
import { type Lane, openLane } from './lane.ts';
import { parameterLayout } from '../parameters.ts';

/** How the processors are used: worker threads, and threads of the runtime in each. Changes no number. */
export interface LaneLayout {
  readonly lanes: number;
  readonly threads: number;
}

/** Below so many weights one thread a lane always won: the products are too small to be divided. */
const tinyModel = 4e6;
/** Further lanes would share the memory budget into programs too small to be fast. */
const mostLanes = 8;
/** By how much a measured layout must beat the one-thread lanes: less than this is noise. */
const margin = 1.1;
const measured = new Map<string, Promise<LaneLayout>>();

/**
 * The layout for a machine and model: what is `fixed` stays, and the rest is measured for a fraction of a second, once
 * per process, machine and layer size. Tiny models are not measured: one lane a processor, at most 8, one thread each.
 */
export function chooseLaneLayout(
  config: ModelConfig,
  fixed: Partial<LaneLayout>,
  processors: number,
): Promise<LaneLayout> {
  const [first, ...others] = candidateLayouts(config, fixed, processors);
  if (others.length === 0) return Promise.resolve(first!);
  const key = JSON.stringify([config.hiddenSize, config.intermediateSize, first, others]);
  const known = measured.get(key) ?? measureLayouts(config, first!, others);
  measured.set(key, known);
  return known;
}

/** What is worth trying, the safest first. */
export function candidateLayouts(
  config: ModelConfig,
  { lanes, threads }: Partial<LaneLayout>,
  processors: number,
): LaneLayout[] {
  const most = lanes ?? Math.max(1, Math.min(mostLanes, Math.floor(processors / (threads ?? 1))));
  if (threads !== undefined) return [{ lanes: most, threads }];
  const single = { lanes: most, threads: 1 };
  if (parameterLayout(config).length < tinyModel) return [single];
  const counts = lanes === undefined ? [most, Math.ceil(most / 2)] : [most];
  const spread = counts.map((count) => ({ lanes: count, threads: Math.floor(processors / count) }));
  return [single, ...spread.filter((layout) => layout.threads > 1)];
}

async function measureLayouts(
  config: ModelConfig,
  safest: LaneLayout,
  others: readonly LaneLayout[],
): Promise<LaneLayout> {
  const options = {
    folder: '',
    threads: 1,
    slots: 1,
    maxSequenceTokens: 1,
    endTokens: [],
    memoryBudgetBytes: 0,
  };
  const lanes = Array.from({ length: safest.lanes }, () => openLane({ ...options, config }));
  try {
    let best = { layout: safest, rate: margin * (await rateOf(safest, lanes)) };
    for (const layout of others) {
      const rate = await rateOf(layout, lanes);
      if (rate > best.rate) best = { layout, rate };
    }
    return best.layout;
  } finally {
    await Promise.all(lanes.map((lane) => lane[Symbol.asyncDispose]()));
  }
}

/** Products of a layer's size that all lanes of a layout do together in a second. */
async function rateOf({ lanes, threads }: LaneLayout, workers: readonly Lane[]): Promise<number> {
  const rates = await Promise.all(
    workers.slice(0, lanes).map((lane) => lane.measure({ threads, forMs: 40 })),
  );
  return rates.reduce((sum, rate) => sum + rate, 0);
}
