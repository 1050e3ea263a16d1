import * as z from 'zod';
import type { Trials } from '../../../difficulty/pass-rates/trials.ts';
import type { Rates } from './cell-means.ts';

/** A source counts as progressing if its progress is more than this many standard errors above zero. */
const progress = 0.5;
/**
 * Variance of a group's number of successes, as a multiple of the binomial variance; above 1, because the problems in a
 * cell differ in pass rate.
 */
const spread = 3;
/** Initial number of groups of a source that are judged together. */
const defaultBlock = 20;
/** Factor at or below which a source counts as stopped. */
const stopped = 0.2;
/** Minimum weight (trials + 1) for a cell's mean to serve as a reference. */
const leastReference = 16;
const [faster, slower, leastFactor] = [1.5, 0.7, 0.1];

const sourceState = z.strictObject({
  factor: z.number().min(0).max(1),
  /** Number of blocks judged so far. */
  blocks: z.int().min(0),
  groups: z.int().min(0),
  surprise: z.number(),
  variance: z.number().min(0),
  /** Cell → mean and trials at the start of the block. */
  frozen: z.array(z.tuple([z.int().min(0), z.number(), z.number()])),
});

/** Saved form of a `ProgressBrake`. */
export const progressBrakeState = z.strictObject({
  blockLength: z.int().positive(),
  sources: z.array(sourceState),
});

interface SourceProgress {
  factor: number;
  blocks: number;
  groups: number;
  surprise: number;
  variance: number;
  frozen: Map<number, { readonly mean: number; readonly weight: number }>;
}

/**
 * Draws sources less often if the policy does not improve on them, whatever their pass rate: random verdicts
 * look like the edge of competence, but their pass rate never changes. Each group is compared with the mean
 * of its cell at the time of the cell's first group in the block, so a shift to harder cells does not count
 * as a decline. Matiisen et al., arXiv 1707.00183, use learning progress as the signal of a curriculum.
 *
 * The brake compares sources. If it stops all judged sources, blocks are too short to show the progress of this policy,
 * so it releases all sources and doubles the length of the blocks.
 */
export class ProgressBrake {
  readonly #sources: SourceProgress[];
  #blockLength: number;

  /** @param firstBlock initial number of groups of a source that are judged together. */
  constructor(sources: number, firstBlock = defaultBlock) {
    this.#blockLength = firstBlock;
    this.#sources = Array.from({ length: sources }, () => ({ factor: 1, blocks: 0, ...emptyBlock() }));
  }

  /** Returns the factor of a source in [0.1, 1]; 1 means not braked. */
  factor(source: number): number {
    return this.#sources[source]!.factor;
  }

  /** Compares a group with the reference of its cell, and judges the source at the end of a block. */
  observe(source: number, cell: number, { successes, trials }: Trials, means: Rates): void {
    const state = this.#sources[source]!;
    const reference = state.frozen.get(cell);
    if (reference === undefined) {
      const weight = means.weight(cell);
      if (weight >= leastReference) state.frozen.set(cell, { mean: means.mean(cell), weight });
      return;
    }
    const { mean, weight } = reference;
    const perTrial = Math.max(0.02, mean * (1 - mean));
    state.surprise += successes - trials * mean;
    state.variance += spread * trials * perTrial + (trials ** 2 * perTrial) / weight;
    state.groups++;
    if (state.groups < this.#blockLength) return;
    state.factor = nextFactor(state.factor, state.surprise / Math.sqrt(state.variance));
    Object.assign(state, emptyBlock(), { blocks: state.blocks + 1 });
    this.#releaseIfAllStopped();
  }

  /** Releases all sources if at least half were judged and all judged sources are stopped. */
  #releaseIfAllStopped(): void {
    const judged = this.#sources.filter(({ blocks }) => blocks > 0);
    if (2 * judged.length < this.#sources.length || judged.some(({ factor }) => factor > stopped)) return;
    this.#blockLength *= 2;
    for (const source of this.#sources) Object.assign(source, { factor: 1, blocks: 0 });
  }

  save(): z.infer<typeof progressBrakeState> {
    const sources = this.#sources.map(({ frozen, ...state }) => ({
      ...state,
      frozen: [...frozen].map(
        ([cell, { mean, weight }]) => [cell, mean, weight] satisfies [number, number, number],
      ),
    }));
    return { blockLength: this.#blockLength, sources };
  }

  restore({ blockLength, sources }: z.infer<typeof progressBrakeState>): void {
    this.#blockLength = blockLength;
    for (const [source, { frozen, ...state }] of sources.entries()) {
      const means = frozen.map(([cell, mean, weight]) => [cell, { mean, weight }] as const);
      this.#sources[source] = { ...state, frozen: new Map(means) };
    }
  }
}

const nextFactor = (factor: number, deviation: number): number =>
  deviation > progress ? Math.min(1, faster * factor) : Math.max(leastFactor, slower * factor);

function emptyBlock(): Pick<SourceProgress, 'groups' | 'surprise' | 'variance' | 'frozen'> {
  return { groups: 0, surprise: 0, variance: 0, frozen: new Map() };
}
