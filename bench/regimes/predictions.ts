/** Predicted ranges of results, registered before any run; see docs/predictions/2026-11-30-regimes.md. */
export interface Prediction {
  readonly row: string;
  readonly arm: string;
  /** Median speed until the final accuracy of uniform sampling. */
  readonly speed?: readonly [low: number, high: number];
  /** Mean difference from uniform sampling, in points. */
  readonly difference?: readonly [low: number, high: number];
}

const autoSpeeds: Readonly<Record<string, readonly [number, number]>> = {
  'R1/demo': [1, 1.15],
  'R1/100': [1, 1.15],
  'R1/60': [1.1, 1.4],
  'R1/30': [1.3, 1.6],
  'R1/15': [1.5, 2.2],
  'R1/10': [1.6, 2.4],
  'R1/5': [2, 3.5],
  'R1/3': [2.3, 3.4],
  'R1/2': [3, 4.5],
  'R2/solved': [1.6, 3],
  'R3/300': [1.5, 2.5],
  'R3/1500': [1.5, 2.5],
  'R3/8000': [1.5, 2.5],
  'R4/smooth': [1, 1.2],
  'R4/hard-end': [1.5, 2.2],
  'R4/gap': [1.3, 2],
  'R9/published': [1.1, 1.6],
};
const refilled = ['R1/demo', 'R1/100', 'R1/60', 'R1/30', 'R1/10', 'R1/5', 'R1/2'];
const rivals = ['mopps', 'thompson'];

/** docs/predictions/2026-11-30-paper.md; arms without one of stage 2's changes are compared with `paper`. */
const paperDifferences: Readonly<Record<string, readonly [low: number, high: number]>> = {
  auto: [-0.5, 1.5],
  L1: [0, 3],
  L2: [0, 3],
  L3: [-1.5, 2],
  paper: [-4, 0],
  'paper-one-stage': [-4, 0],
  'paper-same-level': [-1, 1],
  'paper-same-tokens': [-2.5, -0.2],
  'paper-unmasked': [-0.7, 0.7],
  'paper-same-entropy': [-0.5, 0.5],
};

export const predictions: readonly Prediction[] = [
  ...Object.entries(autoSpeeds).map(([row, speed]) => ({ row, arm: 'auto', speed })),
  ...refilled.map((row) => ({ row, arm: 'refills', difference: [-10, -3] }) as const),
  { row: 'R1/demo', arm: 'batch-8', difference: [0, Infinity] },
  { row: 'R1/demo', arm: 'batch-16', difference: [0, Infinity] },
  { row: 'R1/demo', arm: 'batch-64', difference: [-Infinity, 0] },
  { row: 'R1-long/100', arm: 'staged', difference: [-5, -2] },
  { row: 'R1-long/10', arm: 'staged', difference: [0, 3] },
  { row: 'R1-long/2', arm: 'staged', difference: [-Infinity, 0] },
  { row: 'R3/8000', arm: 'auto-one-cell', speed: [1, 1.4] },
  { row: 'R5/30', arm: 'auto', difference: [0, Infinity] },
  { row: 'R5/60', arm: 'auto', difference: [0, Infinity] },
  { row: 'R5/spread', arm: 'auto', difference: [0, Infinity] },
  ...['R5/30', 'R5/60'].flatMap((row) =>
    rivals.map((arm) => ({ row, arm, difference: [-5, -0.5] }) as const),
  ),
  { row: 'R6/marker', arm: 'auto', difference: [-1, Infinity] },
  ...rivals.map((arm) => ({ row: 'R6/marker', arm, difference: [-Infinity, -5] }) as const),
  { row: 'R8/harder', arm: 'auto', difference: [-1, 1] },
  { row: 'R8/harder', arm: 'easy-knobs', difference: [-Infinity, 0] },
  ...Object.entries(paperDifferences).map(([arm, difference]) => ({ row: 'paper/levels', arm, difference })),
  { row: 'paper/domains', arm: 'math-alone', difference: [0, 3] },
  { row: 'paper/domains', arm: 'code-alone', difference: [0, 3] },
];

/**
 * Bounds for the claim "never worse": the lower end of the interval of `auto` − uniform in each row with at least `seeds` seeds, and pooled
 * over rows, in points.
 */
export const neverWorse = { eachRow: -1, pooled: -0.3, seeds: 5 };

/** Minimum median speed of `auto`, by row, for the row to be a headline. */
export const headline: Readonly<Record<string, number>> = { 'R1/10': 1.6, 'R1/2': 2.5 };

/** Share of the rows whose median speed must be within a factor of the speed expected from their live shares. */
export const worthPredicted = { factor: 1.3, share: 0.8 };
