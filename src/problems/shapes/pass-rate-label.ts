import { stringifyJson } from '../../core/lossless-json.ts';
import * as z from 'zod';
import { DataError } from '../../core/errors.ts';
import type { StatedPassRate } from '../../core/problem.ts';

/**
 * A complete description of a published difficulty label. Labels count successes or failures and have various
 * denominators, and files do not say which: AdaRFT's `difficulty` 100 means never solved, but POLARIS's 8/8 means
 * always solved.
 */
export const passRateLabel = z.strictObject({
  /** A column, or a dotted path such as `extra_info.difficulty`. */
  column: z.string().min(1),
  model: z.string().min(1),
  /** The outcomes that the number counts. */
  counts: z.enum(['successes', 'failures']),
  trials: z.int().min(1),
  /** `count`: 0 … `trials`. `percent`: 0 … 100. `rate`: 0 … 1. `k/n`: text such as `5/8`, where n must be `trials`. */
  unit: z.enum(['count', 'percent', 'rate', 'k/n']).default('count'),
});
export type PassRateLabel = z.infer<typeof passRateLabel>;

/** Maximum distance from a whole number of trials, which allows for percentages and rates printed with few digits. */
const maxRounding = 0.02;

/**
 * Converts a label's value to a number of successes in `trials`; `undefined` for an absent value.
 *
 * @throws DataError if the value is not a count out of `trials`, which means a wrong denominator, unit or column.
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
