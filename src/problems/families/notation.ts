import type { Rng } from '../../core/rng.ts';

/** A number as the next term of a sum: `+7`, `-7`, and nothing at all for 0. */
export function term(value: number): string {
  if (value === 0) return '';
  return value < 0 ? String(value) : `+${value}`;
}

/** The digits from the right, the order in which sums are done by hand: 42 → `24`. */
export function fromTheRight(value: number): string {
  return [...String(value)].toReversed().join('');
}

/** A whole number of a range, both ends included. */
export function integerIn(rng: Rng, [min, max]: readonly [min: number, max: number]): number {
  return rng.integer(min, max);
}

/** `count` different whole numbers of [0, max], in the order drawn. */
export function distinctIntegers(rng: Rng, count: number, max: number): number[] {
  const all = Array.from({ length: max + 1 }, (_, i) => i);
  return rng.shuffle(all).slice(0, count);
}

/** Values of a function as people write them: `f(2)=13,f(5)=22`. */
export function valueTable(rows: readonly { arguments: readonly number[]; value: number }[]): string {
  return rows.map((row) => `f(${row.arguments.join(',')})=${row.value}`).join(',');
}

/** Greatest common divisor of two whole numbers, at least one of them not 0. */
export function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? Math.abs(a) : greatestCommonDivisor(b, a % b);
}
