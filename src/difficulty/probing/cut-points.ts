import * as z from 'zod';

/** Boundary between two levels. Every pass rate above `at` passes it, and so does `at` itself unless excluded. */
export const cutConfig = z.strictObject({
  at: z.number().min(0).max(1),
  excludeAt: z.boolean().default(false),
});

/** A validated cut. Ascending cuts divide pass rates into cells: cell i contains the rates that pass exactly i cuts. */
export type Cut = z.infer<typeof cutConfig>;

/**
 * The cuts behind the levels of Ji et al.: problems in cell 0 are never solved, in cell 1 sometimes, in cell 2 always.
 */
export const neverSometimesAlways: readonly Cut[] = [
  { at: 0, excludeAt: true },
  { at: 1, excludeAt: false },
];

/** Returns the cuts between `count` bands of equal width; the last band includes 1. */
export function equalBands(count: number): Cut[] {
  return Array.from({ length: count - 1 }, (_, i) => ({ at: (i + 1) / count, excludeAt: false }));
}

/** Returns the cell of a pass rate: the number of cuts that `successes` / `trials` passes. `trials` > 0. */
export function cellOf(cuts: readonly Cut[], successes: number, trials: number): number {
  const passed = cuts.findIndex((cut) => !passes(cut, successes, trials));
  return passed === -1 ? cuts.length : passed;
}

/** Returns the distinct cuts in ascending order; an included bound comes before an excluded one. */
export function sortCuts(cuts: readonly Cut[]): Cut[] {
  const byKey = new Map(cuts.map((cut) => [`${cut.at} ${cut.excludeAt}`, cut]));
  return [...byKey.values()].toSorted((a, b) => a.at - b.at || Number(a.excludeAt) - Number(b.excludeAt));
}

/** Rounding must not move a rate that lies on a cut: 3 of 5 passes 0.6. */
const rounding = 1e-9;

function passes({ at, excludeAt }: Cut, successes: number, trials: number): boolean {
  const above = successes - at * trials;
  return excludeAt ? above > rounding : above >= -rounding;
}
