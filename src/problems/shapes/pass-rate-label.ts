import { stringifyJson } from '../../core/lossless-json.ts';
import * as z from 'zod';
import { DataError } from '../../core/errors.ts';
import type { StatedPassRate } from '../../core/problem.ts';

/**
 * A published difficulty label, said completely. Labels run in both directions and have all denominators, and nothing in
 * a file says which: AdaRFT's `difficulty` of 100 is a problem never solved, POLARIS's of 8/8 one always solved.
 */
export const passRateLabel = z.strictObject({
  /** Dots lead inside: `extra_info.difficulty`. */
  column: z.string().min(1),
  model: z.string().min(1),
  /** What the number counts. */
  counts: z.enum(['successes', 'failures']),
  trials: z.int().min(1),
  /** `count`: of `trials`. `percent`: 0 … 100. `rate`: 0 … 1. `k/n`: a text such as `5/8`, whose n must be `trials`. */
  unit: z.enum(['count', 'percent', 'rate', 'k/n']).default('count'),
});
export type PassRateLabel = z.infer<typeof passRateLabel>;

/** Percentages and rates are printed with few digits; more than this off a whole number of trials, they mean something else. */
const maxRounding = 0.02;

/**
 * The trials behind a label's value; nothing for an absent one. Throws a `DataError` when the value cannot be a number of
 * `trials` outcomes, which is what a wrong denominator, unit or column looks like.
 */
export function readPassRate(label: PassRateLabel, value: unknown): StatedPassRate | undefined {
  if (value === undefined || value === null) return undefined;
  const { column, model, counts, trials, unit } = label;
  const exact = countOf(value, label);
  const counted = Math.round(exact);
  if (!(Math.abs(exact - counted) <= maxRounding && counted >= 0 && counted <= trials))
    throw new DataError(
      `column "${column}": expected ${counts} of ${trials} trials as a ${unit}, got ${stringifyJson(value)}; ` +
        `state another denominator or unit for ${model}`,
    );
  return { model, successes: counts === 'successes' ? counted : trials - counted, trials };
}

function countOf(value: unknown, { unit, trials }: PassRateLabel): number {
  if (unit === 'k/n') {
    const [, solved, of] = /^\s*(\d+)\s*\/\s*(\d+)\s*$/.exec(String(value)) ?? [];
    return Number(of) === trials ? Number(solved) : Number.NaN;
  }
  const number =
    typeof value === 'number' || /^\s*[\d.]+\s*$/.test(String(value)) ? Number(value) : Number.NaN;
  return number * { count: 1, percent: trials / 100, rate: trials }[unit];
}
