import type { ModelConfig } from '../../model-files/model-config.ts';
import { type Lane, openLane } from './lane.ts';
import { trainsInLayers } from '../memory-budget.ts';
import { parameterLayout } from '../parameters.ts';

/** Number of worker threads (lanes), and of runtime threads per lane. Does not affect results. */
export interface LaneLayout {
  readonly lanes: number;
  readonly threads: number;
}

/**
 * Below this number of weights, one thread per lane was always fastest: the matrix products are too small to
 * split.
 */
const tinyModel = 4e6;
/** With more lanes, each share of the memory budget would be too small for fast programs. */
const mostLanes = 8;
/** Minimum speed-up of a measured layout over one-thread lanes; smaller gains are noise. */
const margin = 1.1;

/** Settings that restrict the choice of a layout. */
export interface LayoutSettings {
  readonly lanes?: number | undefined;
  readonly threads?: number | undefined;
  readonly memoryBudgetBytes: number;
}

const measured = new Map<string, Promise<LaneLayout>>();

/**
 * Chooses the layout for a machine and model. Keeps the values in `settings` and measures the rest for a fraction of a
 * second, once per process, machine and layer size. Two cases need no measurement: tiny models get one lane per
 * processor, at most 8, with one thread each, and models that train in layers get one lane with all processors.
 */
export function chooseLaneLayout(
  config: ModelConfig,
  settings: LayoutSettings,
  processors: number,
): Promise<LaneLayout> {
  const [first, ...others] = candidateLayouts(config, settings, processors);
  if (others.length === 0) return Promise.resolve(first!);
  const key = JSON.stringify([config.hiddenSize, config.intermediateSize, first, others]);
  const known = measured.get(key) ?? measureLayouts(config, first!, others);
  measured.set(key, known);
  return known;
}

/** Returns candidate layouts; the first is used unless another one is clearly faster. */
export function candidateLayouts(
  config: ModelConfig,
  { lanes, threads, memoryBudgetBytes }: LayoutSettings,
  processors: number,
): LaneLayout[] {
  if (trainsInLayers(config, memoryBudgetBytes)) {
    const count = lanes ?? 1;
    return [{ lanes: count, threads: threads ?? Math.max(1, Math.floor(processors / count)) }];
  }
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

/** Measures how many matrix products of a layer's size all lanes of a layout compute per second. */
async function rateOf({ lanes, threads }: LaneLayout, workers: readonly Lane[]): Promise<number> {
  const rates = await Promise.all(
    workers.slice(0, lanes).map((lane) => lane.measure({ threads, forMs: 40 })),
  );
  return rates.reduce((sum, rate) => sum + rate, 0);
}
