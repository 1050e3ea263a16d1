import * as z from 'zod';
import { optimizerConfig } from '../../algorithms/optimizer.ts';

const rate = z.number().positive();

/**
 * Returns a rung's share as a multiple of the first rung's share, rounded, because checkpoints and held-out losses
 * exist only at these multiples.
 */
export const rungMultiple = (share: number, first: number): number => Math.max(1, Math.round(share / first));

const areAscending = (values: readonly number[]): boolean =>
  values.every((value, i) => i === 0 || value > values[i - 1]!);

/** Configuration of a race between settings of supervised learning. */
export const raceConfig = z.strictObject({
  /** Values to combine; each combination is a trial. */
  sweep: z.strictObject({
    batchSize: z.array(z.int().positive()).min(1),
    learningRate: z.array(rate).min(1),
    schedule: z.array(optimizerConfig.shape.schedule.unwrap()).min(1).default(['constant']),
  }),
  /** Fractions of training after which the weakest trials stop; ascending, rounded to multiples of the first. */
  rungs: z
    .array(z.number().gt(0).lt(1))
    .min(1)
    .refine((rungs) => areAscending(rungs.map((share) => rungMultiple(share, rungs[0]!))), {
      error: 'expected ascending shares that round to different multiples of the first, e.g. 0.1, 0.3',
    })
    .default([0.1, 0.3]),
  /** Share of the remaining trials that a rung keeps, rounded up. */
  keep: z
    .number()
    .gt(0)
    .lt(1)
    .default(1 / 3),
  /** Share of the stopped trials, drawn at random, that run to the end to estimate how often stopping was wrong. */
  audit: z.number().min(0).max(1).default(0.25),
  /** Accuracy that the race maximises: target, retained, or the mean of both. */
  choose: z.enum(['target', 'retained', 'balanced']).default('target'),
  seed: z.int().min(0).default(0),
});
export type RaceConfig = z.output<typeof raceConfig>;

/** One combination of settings. */
export interface Trial {
  /** Name of the trial's run: lower-case letters, digits, dots and dashes. */
  readonly name: string;
  readonly batchSize: number;
  readonly learningRate: number;
  readonly schedule: 'constant' | 'cosine';
}

/** Returns every combination of a sweep, in a fixed order. */
export const trialsOf = ({ batchSize, learningRate, schedule }: RaceConfig['sweep']): Trial[] =>
  batchSize.flatMap((batch) =>
    learningRate.flatMap((value) =>
      schedule.map((shape) => ({
        name: `b${batch}-lr${value}-${shape}`.replaceAll('+', ''),
        batchSize: batch,
        learningRate: value,
        schedule: shape,
      })),
    ),
  );
