import type { Budget } from '../budget.ts';

/**
 * An exact fraction. Deliberately not reduced: equality uses cross-multiplication, and the greatest common divisor of
 * long numbers would be the slowest step of the verifier.
 */
export interface Rational {
  readonly numerator: bigint;
  /** The denominator, always positive. */
  readonly denominator: bigint;
}

/** Results longer than this many bits are not computed; the caller falls back to floating point. */
const maxBits = 262_144;

const bitsPerHexDigit = 4;

/** Builds a fraction with a positive denominator; returns undefined if the denominator is zero. */
export function rational(numerator: bigint, denominator = 1n): Rational | undefined {
  if (denominator === 0n) return undefined;
  return denominator < 0n ? { numerator: -numerator, denominator: -denominator } : { numerator, denominator };
}

/** Returns whether two fractions are equal, by cross-multiplication. */
export function sameRational(a: Rational, b: Rational): boolean {
  return a.numerator * b.denominator === b.numerator * a.denominator;
}

/** Returns -1, 0 or 1 if the first fraction is less than, equal to or greater than the second. */
export function compareRationals(a: Rational, b: Rational): number {
  const left = a.numerator * b.denominator;
  const right = b.numerator * a.denominator;
  return left < right ? -1 : left > right ? 1 : 0;
}

/** Returns the same fraction in lowest terms, for display. Call it only with numbers that are known to be short. */
export function lowestTerms({ numerator, denominator }: Rational): Rational {
  let [a, b] = [numerator < 0n ? -numerator : numerator, denominator];
  while (b !== 0n) [a, b] = [b, a % b];
  return { numerator: numerator / a, denominator: denominator / a };
}

/** Returns the value of a fraction if it is a whole number, else undefined. */
export function wholeNumber(value: Rational | undefined): bigint | undefined {
  if (value === undefined) return undefined;
  if (value.denominator === 1n) return value.numerator;
  return value.numerator % value.denominator === 0n ? value.numerator / value.denominator : undefined;
}

/** Returns a + b, or undefined if the result would be longer than `maxBits`. */
export function addRationals(a: Rational, b: Rational, budget: Budget): Rational | undefined {
  const cost = size(a) + size(b);
  if (!affordable(cost, budget)) return undefined;
  if (a.denominator === b.denominator) return rational(a.numerator + b.numerator, a.denominator);
  return rational(a.numerator * b.denominator + b.numerator * a.denominator, a.denominator * b.denominator);
}

/** Returns a × b, or undefined if the result would be longer than `maxBits`. */
export function multiplyRationals(a: Rational, b: Rational, budget: Budget): Rational | undefined {
  if (!affordable(size(a) + size(b), budget)) return undefined;
  return rational(a.numerator * b.numerator, a.denominator * b.denominator);
}

/** Returns 1 / a; undefined for zero. */
export function invertRational(a: Rational): Rational | undefined {
  return rational(a.denominator, a.numerator);
}

/** Returns a whole power of a fraction, or undefined if the result would be longer than `maxBits` or is 1/0. */
export function powerRational(base: Rational, exponent: bigint, budget: Budget): Rational | undefined {
  if (exponent < 0n) {
    const inverse = invertRational(base);
    return inverse && powerRational(inverse, -exponent, budget);
  }
  const isTrivial = base.denominator === 1n && base.numerator >= -1n && base.numerator <= 1n;
  if (isTrivial)
    return {
      numerator: base.numerator ** (exponent > 1n ? 2n - (exponent % 2n) : exponent),
      denominator: 1n,
    };
  if (exponent > BigInt(maxBits) || !affordable(Number(exponent) * size(base), budget)) return undefined;
  return { numerator: base.numerator ** exponent, denominator: base.denominator ** exponent };
}

/** Returns the exact `degree`-th root if numerator and denominator are perfect powers and not long, else undefined. */
export function rootRational(value: Rational, degree: bigint, budget: Budget): Rational | undefined {
  if (degree < 2n || degree > 64n || size(value) > 2048) return undefined;
  budget.spend(200);
  const isNegative = value.numerator < 0n;
  if (isNegative && degree % 2n === 0n) return undefined;
  const top = perfectRoot(isNegative ? -value.numerator : value.numerator, degree);
  const bottom = perfectRoot(value.denominator, degree);
  return top === undefined || bottom === undefined ? undefined : rational(isNegative ? -top : top, bottom);
}

/** Returns the nearest double; ±Infinity or 0 if the value is out of range. */
export function toNumber(value: Rational): number {
  if (value.denominator === 1n) return Number(value.numerator);
  const [top, bottom] = [Number(value.numerator), Number(value.denominator)];
  if (Number.isFinite(top) && Number.isFinite(bottom)) return top / bottom;
  const shift = BigInt(bits(value.denominator) - bits(value.numerator) + 64);
  const scaled =
    shift >= 0n
      ? (value.numerator << shift) / value.denominator
      : value.numerator / (value.denominator << -shift);
  return Number(scaled) * 2 ** -Number(shift);
}

/** Returns ln |value| without overflow; -Infinity for zero. */
export function logOfRational(value: Rational): number {
  return logOfWhole(value.numerator) - logOfWhole(value.denominator);
}

function logOfWhole(value: bigint): number {
  const magnitude = value < 0n ? -value : value;
  const drop = Math.max(0, bits(magnitude) - 64);
  return Math.log(Number(magnitude >> BigInt(drop))) + drop * Math.LN2;
}

function perfectRoot(value: bigint, degree: bigint): bigint | undefined {
  if (value < 2n) return value;
  let guess = 1n << BigInt(Math.ceil(bits(value) / Number(degree)));
  for (;;) {
    const next = ((degree - 1n) * guess + value / guess ** (degree - 1n)) / degree;
    if (next >= guess) return guess ** degree === value ? guess : undefined;
    guess = next;
  }
}

function affordable(resultBits: number, budget: Budget): boolean {
  if (resultBits > maxBits) return false;
  budget.spend(1 + (resultBits / 1024) ** 1.5);
  return true;
}

function size(value: Rational): number {
  return bits(value.numerator) + (value.denominator === 1n ? 0 : bits(value.denominator));
}

/**
 * Returns an upper bound on the length of a number in bits. Converts only long numbers, which are rare, to a string.
 */
function bits(value: bigint): number {
  if (value > -4294967296n && value < 4294967296n) return 32 - Math.clz32(Math.abs(Number(value)));
  return value.toString(16).length * bitsPerHexDigit;
}
