import * as z from 'zod';
import { noun } from '../../core/config-builder.ts';
import { createRng } from '../../core/rng.ts';
import { betaQuantile } from '../../statistics/beta.ts';
import { sum } from '../../statistics/summary.ts';
import { splitIntoCells } from './cells.ts';
import { drawWeighted } from './weighted-draw.ts';
import type { PoolProblem, ProblemOutcome, ProblemSampler } from './problem-sampler.ts';
import { readState } from './read-state.ts';

/**
 * A bandit over cells of problems (family and knob, or source and level) that follows the share of groups with a
 * signal: each step draws a live share for every cell from its posterior, and divides the batch among the cells in
 * proportion. This is our reading of the adaptive curriculum of marin-community/marin, issue 8765. A cell with a fixed
 * format error looks dead to this sampler, and a cell with random verdicts looks ideal.
 */
export const thompsonLiveShareConfig = z.strictObject({
  type: z.literal('thompson-live-share'),
  /** Share of a cell's evidence that remains after a step. */
  memory: z.number().min(0).max(1).default(0.95),
  /** Share of the batch that is divided equally among the cells. */
  exploration: z.number().min(0).max(1).default(0.05),
});

/** Draws cells in proportion to a sampled share of groups with a signal. */
export const thompsonLiveShare = noun(thompsonLiveShareConfig);

const stateOf = (cells: number) =>
  z.strictObject({
    draws: z.int().min(0),
    cells: z.array(z.strictObject({ live: z.number().min(0), dead: z.number().min(0) })).length(cells),
  });

export function createThompsonLiveShare(
  { memory, exploration }: z.infer<typeof thompsonLiveShareConfig>,
  pool: readonly PoolProblem[],
  seed: number,
): ProblemSampler {
  const { cellOf, sourceOf, sources } = splitIntoCells(pool);
  const sizes = new Uint32Array(sourceOf.length);
  for (const cell of cellOf) sizes[cell]!++;
  const indexOf = new Map(pool.map(({ id }, index) => [id, index]));
  let cells = Array.from(sizes, () => ({ live: 0, dead: 0 }));
  let draws = 0;

  const observeOne = ({ problemId, trials, meanAbsAdvantage }: ProblemOutcome): void => {
    const index = indexOf.get(problemId);
    if (index === undefined || trials === 0) return;
    cells[cellOf[index]!]![meanAbsAdvantage > 0 ? 'live' : 'dead']++;
  };
  return {
    choose(count, _step, without = new Set()) {
      const random = createRng(seed, 'sampler', 'thompson-live-share', draws++);
      const drawn = cells.map(({ live, dead }) =>
        betaQuantile({ alpha: live + 1, beta: dead + 1 }, random.next()),
      );
      const weights = sharesOf(drawn, exploration).map((share, cell) => share / sizes[cell]!);
      const weightOf = (index: number): number =>
        without.has(pool[index]!.id) ? 0 : weights[cellOf[index]!]!;
      return drawWeighted(count, pool.length, weightOf, random).map((index) => pool[index]!.id);
    },
    observe(outcomes) {
      cells = cells.map(({ live, dead }) => ({ live: memory * live, dead: memory * dead }));
      for (const outcome of outcomes) observeOne(outcome);
    },
    save: () => ({ draws, cells: cells.map((cell) => ({ ...cell })) }),
    restore(state) {
      const saved = readState(stateOf(sizes.length), state, 'thompson-live-share sampler');
      draws = saved.draws;
      cells = saved.cells;
    },
    metrics() {
      const means = cells.map(({ live, dead }) => (live + 1) / (live + dead + 2));
      const shares = sharesOf(means, exploration);
      const perSource = sources.map((name, source) => {
        const ours = shares.filter((_, cell) => sourceOf[cell] === source);
        return [`share/${name}`, sum(ours)] as const;
      });
      return Object.fromEntries(perSource);
    },
  };
}

/** Returns shares in proportion to the values, mixed with equal shares; they sum to 1. */
function sharesOf(values: readonly number[], exploration: number): number[] {
  const total = sum(values);
  const equal = 1 / values.length;
  return values.map((value) => (1 - exploration) * (total > 0 ? value / total : equal) + exploration * equal);
}
