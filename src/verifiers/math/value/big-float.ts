import type { Rational } from './rational.ts';

/**
 * A real number `mantissa · 2^exponent` of any size. Every operation takes the precision of its result in bits, with an
 * error of at most a few units in the last place.
 */
export interface BigFloat {
  readonly mantissa: bigint;
  readonly exponent: number;
}

export const zero: BigFloat = { mantissa: 0n, exponent: 0 };

const largestDouble = 2n ** 1000n;

/** Returns the length of |n| in bits, sometimes one more just below a power of 2; 0 for 0. */
export function bitLength(n: bigint): number {
  const size = n < 0n ? -n : n;
  if (size < 4_294_967_296n) return 32 - Math.clz32(Number(size));
  if (size < largestDouble) return Math.floor(Math.log2(Number(size))) + 1;
  const hex = size.toString(16);
  return 4 * (hex.length - 8) + 32 - Math.clz32(Number.parseInt(hex.slice(0, 8), 16));
}

/** Returns n · 2^shift, rounded down. */
export const shifted = (n: bigint, shift: number): bigint =>
  shift >= 0 ? n << BigInt(shift) : n >> BigInt(-shift);

/** Returns the number mantissa · 2^exponent, rounded to a precision in bits. */
export function round(mantissa: bigint, exponent: number, precision: number): BigFloat {
  if (mantissa === 0n) return zero;
  const excess = bitLength(mantissa) - precision;
  return excess <= 0
    ? { mantissa, exponent }
    : { mantissa: mantissa >> BigInt(excess), exponent: exponent + excess };
}

/** Returns the position of the leading bit: 1 ≤ |x| · 2^-(position - 1) < 2. -Infinity for 0. */
export const leadingBit = ({ mantissa, exponent }: BigFloat): number =>
  mantissa === 0n ? Number.NEGATIVE_INFINITY : bitLength(mantissa) + exponent;

export function fromRational({ numerator, denominator }: Rational, precision: number): BigFloat {
  if (denominator === 1n) return round(numerator, 0, precision);
  const shift = precision + bitLength(denominator) - bitLength(numerator) + 1;
  return round(shifted(numerator, Math.max(0, shift)) / denominator, -Math.max(0, shift), precision);
}

/** Returns the exact value of a finite double. */
export function fromNumber(x: number): BigFloat {
  let [value, exponent] = [x, 0];
  while (!Number.isInteger(value)) [value, exponent] = [value * 2, exponent - 1];
  return { mantissa: BigInt(value), exponent };
}

/** Returns the double nearest to a number in the range of doubles. */
export function toDouble({ mantissa, exponent }: BigFloat): number {
  const drop = Math.max(0, bitLength(mantissa) - 60);
  return Number(mantissa >> BigInt(drop)) * 2 ** (exponent + drop);
}

export const negate = ({ mantissa, exponent }: BigFloat): BigFloat => ({
  mantissa: -mantissa,
  exponent,
});
export const isNegative = ({ mantissa }: BigFloat): boolean => mantissa < 0n;
export const isZero = ({ mantissa }: BigFloat): boolean => mantissa === 0n;
/** Returns x · 2^power. */
export const scale = ({ mantissa, exponent }: BigFloat, power: number): BigFloat =>
  mantissa === 0n ? zero : { mantissa, exponent: exponent + power };

export function add(a: BigFloat, b: BigFloat, precision: number): BigFloat {
  if (isZero(a)) return b;
  if (isZero(b)) return a;
  const [high, low] = a.exponent >= b.exponent ? [a, b] : [b, a];
  // A summand below the last place of the other one does not change the sum.
  if (leadingBit(low) < leadingBit(high) - precision - 2) return high;
  if (leadingBit(high) < leadingBit(low) - precision - 2) return low;
  return round(shifted(high.mantissa, high.exponent - low.exponent) + low.mantissa, low.exponent, precision);
}

export const multiply = (a: BigFloat, b: BigFloat, precision: number): BigFloat =>
  round(a.mantissa * b.mantissa, a.exponent + b.exponent, precision);

/** Returns a / b; b must not be 0. */
export function divide(a: BigFloat, b: BigFloat, precision: number): BigFloat {
  const shift = Math.max(0, precision + bitLength(b.mantissa) - bitLength(a.mantissa) + 1);
  return round((a.mantissa << BigInt(shift)) / b.mantissa, a.exponent - b.exponent - shift, precision);
}

/** Returns √x for x ≥ 0. */
export function squareRoot({ mantissa, exponent }: BigFloat, precision: number): BigFloat {
  if (mantissa === 0n) return zero;
  let shift = Math.max(0, 2 * precision + 2 - bitLength(mantissa));
  if ((exponent - shift) % 2 !== 0) shift++;
  return round(wholeRoot(mantissa << BigInt(shift)), (exponent - shift) / 2, precision);
}

/** Computes ⌊√n⌋ by Newton's method, from above. */
function wholeRoot(n: bigint): bigint {
  let guess = 1n << BigInt(Math.ceil(bitLength(n) / 2));
  for (;;) {
    const next = (guess + n / guess) >> 1n;
    if (next >= guess) return guess;
    guess = next;
  }
}

/** Computes x to a whole power n ≥ 0, by squaring. */
export function wholePower(x: BigFloat, n: bigint, precision: number): BigFloat {
  const working = precision + 2 * bitLength(n);
  let [result, square] = [{ mantissa: 1n, exponent: 0 } as BigFloat, x];
  for (let rest = n; rest > 0n; rest >>= 1n) {
    if ((rest & 1n) === 1n) result = multiply(result, square, working);
    if (rest > 1n) square = multiply(square, square, working);
  }
  return result;
}
