/** Bins of measured pass rates (2502.06703): easy ≥ 0.5, medium ≥ 0.1, hard below. */
export const bins = ['easy', 'medium', 'hard'] as const;
export type Bin = (typeof bins)[number];

/** Returns the bin of a pass rate. */
export const binOf = (passRate: number): Bin =>
  passRate >= 0.5 ? 'easy' : passRate >= 0.1 ? 'medium' : 'hard';
