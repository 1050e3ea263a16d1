import type { Rng } from '../../core/rng.ts';

/** Formats a number as the next term of a sum: `+7`, `-7`, and an empty string for 0. */
export function term(value: number): string {
  if (value === 0) return '';
  return value < 0 ? String(value) : `+${value}`;
}

/** Returns the digits from right to left, the order in which sums are computed by hand: 42 → `24`. */
export function fromTheRight(value: number): string {
  return [...String(value)].toReversed().join('');
}

/** Draws a whole number from a range, including both ends. */
export function integerIn(rng: Rng, [min, max]: readonly [min: number, max: number]): number {
  return rng.integer(min, max);
}

/** Draws `count` distinct whole numbers from [0, max]; returns them in the order drawn. */
export function distinctIntegers(rng: Rng, count: number, max: number): number[] {
  const all = Array.from({ length: max + 1 }, (_, i) => i);
  return rng.shuffle(all).slice(0, count);
}

/** Formats values of a function: `f(2)=13,f(5)=22`. */
export function valueTable(rows: readonly { arguments: readonly number[]; value: number }[]): string {
  return rows.map((row) => `f(${row.arguments.join(',')})=${row.value}`).join(',');
}

/** Returns the greatest common divisor of two whole numbers, at least one of them not 0. */
export function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? Math.abs(a) : greatestCommonDivisor(b, a % b);
}
