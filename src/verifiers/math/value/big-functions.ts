import {
  add,
  type BigFloat,
  bitLength,
  divide,
  fromNumber,
  isNegative,
  isZero,
  leadingBit,
  multiply,
  negate,
  round,
  scale,
  shifted,
  squareRoot,
  toDouble,
  zero,
} from './big-float.ts';

/** Number of bits in intermediate results beyond the precision of the final result. */
const guard = 32;

const one: BigFloat = { mantissa: 1n, exponent: 0 };

/** Returns Σ (±1)^k / ((2k+1) · n^(2k+1)) in units of 2^-bits: arctan 1/n for sign -1, artanh 1/n for sign 1. */
function inverseTangent(n: bigint, sign: 1n | -1n, bits: number): bigint {
  let term = (1n << BigInt(bits)) / n;
  let total = 0n;
  for (let k = 1n, factor = 1n; term !== 0n; k += 2n, factor *= sign) {
    total += (factor * term) / k;
    term /= n * n;
  }
  return total;
}

/** Returns a function for a constant; it caches the longest value computed and truncates it for lower precisions. */
function constant(compute: (bits: number) => bigint): (precision: number) => BigFloat {
  let [known, value] = [0, 0n];
  return (precision) => {
    const bits = precision + guard;
    if (bits > known) [known, value] = [bits, compute(bits + guard) >> BigInt(guard)];
    return round(value, -known, precision);
  };
}

/** π by Machin's formula. */
export const pi = constant(
  (bits) => 16n * inverseTangent(5n, -1n, bits) - 4n * inverseTangent(239n, -1n, bits),
);

/** ln 2 = 18 artanh(1/26) - 2 artanh(1/4801) + 8 artanh(1/8749). */
const ln2 = constant(
  (bits) =>
    18n * inverseTangent(26n, 1n, bits) -
    2n * inverseTangent(4801n, 1n, bits) +
    8n * inverseTangent(8749n, 1n, bits),
);

/** Returns the whole number nearest to x, for |x| < 2^200. */
const nearest = ({ mantissa, exponent }: BigFloat): bigint => (shifted(mantissa, exponent + 1) + 1n) >> 1n;

/** Returns the number of halvings of an argument, after which the series needs about the same number of terms. */
const halvings = (precision: number): number => Math.ceil(Math.sqrt(precision) / 1.5);

/** Returns e^x for |x| < 2^40, otherwise undefined. */
export function exponential(x: BigFloat, precision: number): BigFloat | undefined {
  if (isZero(x)) return one;
  if (leadingBit(x) > 40) return undefined;
  const working = precision + guard + Math.max(0, leadingBit(x));
  const power = nearest(divide(x, ln2(working), working));
  const rest = add(x, negate(multiply({ mantissa: power, exponent: 0 }, ln2(working), working)), working);
  const steps = halvings(precision);
  const bits = precision + guard + 2 * steps;
  const argument = shifted(rest.mantissa, rest.exponent + bits - steps);
  let [term, sum] = [1n << BigInt(bits), 1n << BigInt(bits)];
  for (let k = 1n; term !== 0n && term !== -1n; k++) {
    term = ((term * argument) >> BigInt(bits)) / k;
    sum += term;
  }
  for (let step = 0; step < steps; step++) sum = (sum * sum) >> BigInt(bits);
  return round(sum, Number(power) - bits, precision);
}

/** Caches the last logarithm, because the terms of a sum are often powers of one base. */
let lastLogarithm: { readonly x: BigFloat; readonly precision: number; readonly value: BigFloat } | undefined;

/** Returns ln x for x > 0. */
export function logarithm(x: BigFloat, precision: number): BigFloat {
  const isKnown =
    lastLogarithm?.precision === precision &&
    lastLogarithm.x.mantissa === x.mantissa &&
    lastLogarithm.x.exponent === x.exponent;
  if (!isKnown) lastLogarithm = { x, precision, value: computeLogarithm(x, precision) };
  return lastLogarithm!.value;
}

/** Computes ln x by Halley's iteration on e^y = x; each step triples the number of digits. */
function computeLogarithm(x: BigFloat, precision: number): BigFloat {
  const power = leadingBit(x);
  const fraction = scale(x, -power);
  let y = fromNumber(Math.log(toDouble(fraction)));
  // The logarithm of a number near 1 loses leading bits: use a higher precision.
  const distance = add(x, negate(one), precision + guard);
  const lost = isZero(distance) ? 0 : Math.max(0, -leadingBit(distance));
  const target = precision + guard + lost;
  for (let known = 45; known < target;) {
    known = Math.min(3 * known - 4, target);
    const working = known + 8;
    const power2 = exponential(y, working)!;
    const difference = add(fraction, negate(power2), working);
    const correction = divide(scale(difference, 1), add(fraction, power2, working), working);
    y = isZero(correction) ? y : add(y, correction, working);
  }
  const whole = multiply({ mantissa: BigInt(power), exponent: 0 }, ln2(target), target);
  const { mantissa, exponent } = add(y, whole, target);
  return round(mantissa, exponent, precision);
}

/** Returns sin x and cos x for |x| < 2^4096, otherwise undefined. */
export function sineAndCosine(
  x: BigFloat,
  precision: number,
): { readonly sine: BigFloat; readonly cosine: BigFloat } | undefined {
  if (isZero(x)) return { sine: zero, cosine: one };
  const size = leadingBit(x);
  if (size > 4096) return undefined;
  // If the sine is small, use more bits, to cover its leading zeros.
  const working = precision + guard + Math.abs(size);
  const quarter = scale(pi(working), -1);
  const turns = nearest(divide(x, quarter, working));
  const rest = add(x, negate(multiply({ mantissa: turns, exponent: 0 }, quarter, working)), working);
  const steps = halvings(working);
  const bits = working + 2 * steps;
  const argument = shifted(rest.mantissa, rest.exponent + bits - steps);
  const square = (argument * argument) >> BigInt(bits);
  let [sine, cosine] = [argument, 1n << BigInt(bits)];
  for (let k = 1n, s = argument, c = cosine; s !== 0n || c !== 0n; k++) {
    c = -((c * square) >> BigInt(bits)) / ((2n * k - 1n) * 2n * k);
    s = -((s * square) >> BigInt(bits)) / (2n * k * (2n * k + 1n));
    sine += s;
    cosine += c;
  }
  for (let step = 0; step < steps; step++)
    [sine, cosine] = [
      (sine * cosine) >> BigInt(bits - 1),
      (1n << BigInt(bits)) - ((sine * sine) >> BigInt(bits - 1)),
    ];
  const [s, c] = [round(sine, -bits, working), round(cosine, -bits, working)];
  switch (((turns % 4n) + 4n) % 4n) {
    case 0n:
      return { sine: s, cosine: c };
    case 1n:
      return { sine: c, cosine: negate(s) };
    case 2n:
      return { sine: negate(s), cosine: negate(c) };
    default:
      return { sine: negate(c), cosine: s };
  }
}

/** Computes arctan x; halves the argument repeatedly before the series. */
export function arctangent(x: BigFloat, precision: number): BigFloat {
  if (isZero(x)) return zero;
  const working = precision + guard + Math.abs(leadingBit(x));
  if (leadingBit(x) > 1) {
    const complement = arctangent(divide(one, x, working), working);
    const quarter = scale(pi(working), -1);
    return add(isNegative(x) ? negate(quarter) : quarter, negate(complement), precision);
  }
  const steps = Math.ceil(halvings(working) / 2);
  let small = x;
  for (let step = 0; step < steps; step++) {
    const root = squareRoot(add(one, multiply(small, small, working), working), working);
    small = divide(small, add(one, root, working), working);
  }
  const bits = working + steps + Math.max(0, -leadingBit(small));
  const argument = shifted(small.mantissa, small.exponent + bits);
  const square = (argument * argument) >> BigInt(bits);
  let [term, sum] = [argument, 0n];
  for (let k = 1n; term !== 0n && bitLength(term) > 1; k += 2n) {
    sum += term / k;
    term = -((term * square) >> BigInt(bits));
  }
  return round(sum, steps - bits, precision);
}
