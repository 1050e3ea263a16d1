/**
 * A complex double with an estimate of its rounding error, so that comparisons use only significant digits: e^{-100}
 * differs from 0, but the computed sin π does not.
 */
export interface Complex {
  readonly re: number;
  readonly im: number;
  /** Estimate of the absolute error of the value. */
  readonly error: number;
}

const epsilon = 2.3e-16;

/** Converts a real number that is exact up to its last bit; whole numbers are exact. */
export function real(re: number): Complex {
  return make(re, 0, 0);
}

/** Not a number: the value is undefined at this point. */
export const undefinedValue: Complex = { re: Number.NaN, im: Number.NaN, error: 0 };

/** Returns |z|. */
export function modulus(z: Complex): number {
  return z.im === 0 ? Math.abs(z.re) : Math.hypot(z.re, z.im);
}

/** Returns whether two values are equal within a relative tolerance, or within a multiple of their rounding errors. */
export function isClose(a: Complex, b: Complex, tolerance: number): boolean {
  const distance = Math.hypot(a.re - b.re, a.im - b.im);
  return distance <= tolerance * Math.max(modulus(a), modulus(b)) || distance <= 8 * (a.error + b.error);
}

/** Returns whether a value is defined and has not overflowed. */
export function isFiniteComplex(z: Complex): boolean {
  return Number.isFinite(z.re) && Number.isFinite(z.im) && Number.isFinite(z.error);
}

/** Builds a result with its error estimate; a whole number computed from exact operands has no rounding error. */
function make(re: number, im: number, inherited: number): Complex {
  if (inherited === 0 && im === 0 && Number.isSafeInteger(re)) return { re, im, error: 0 };
  return { re, im, error: inherited + (Math.abs(re) + Math.abs(im)) * epsilon };
}

export function add(a: Complex, b: Complex): Complex {
  return make(a.re + b.re, a.im + b.im, a.error + b.error);
}

export function negative(a: Complex): Complex {
  return { re: -a.re, im: a.im === 0 ? 0 : -a.im, error: a.error };
}

export function multiply(a: Complex, b: Complex): Complex {
  const error = modulus(a) * b.error + modulus(b) * a.error;
  if (a.im === 0 && b.im === 0) return make(a.re * b.re, 0, error);
  return make(a.re * b.re - a.im * b.im, a.re * b.im + a.im * b.re, error);
}

export function divide(a: Complex, b: Complex): Complex {
  const size = modulus(b);
  if (size <= 4 * b.error) return undefinedValue;
  const error = a.error / size + (modulus(a) / size) * (b.error / size);
  if (a.im === 0 && b.im === 0) return make(a.re / b.re, 0, error);
  const [re, im] = [b.re / size, b.im / size];
  return make((a.re * re + a.im * im) / size, (a.im * re - a.re * im) / size, error);
}

export function exponential(z: Complex): Complex {
  const size = Math.exp(z.re);
  if (z.im === 0) return make(size, 0, size * z.error);
  return make(size * Math.cos(z.im), size * Math.sin(z.im), size * z.error);
}

/** Returns the principal logarithm; undefined at 0. */
export function logarithm(z: Complex): Complex {
  const size = modulus(z);
  if (size <= 4 * z.error) return undefinedValue;
  return make(Math.log(size), z.im === 0 && z.re > 0 ? 0 : Math.atan2(z.im, z.re), z.error / size);
}

/** Returns the principal power; 0^0 is 1, and a real base with a whole exponent stays real. */
export function power(base: Complex, exponent: Complex): Complex {
  const size = modulus(base);
  if (size === 0)
    return exponent.re === 0 && exponent.im === 0 ? real(1) : exponent.re > 0 ? real(0) : undefinedValue;
  const isReal = base.im === 0 && exponent.im === 0 && (base.re > 0 || Number.isInteger(exponent.re));
  if (!isReal) return exponential(multiply(exponent, logarithm(base)));
  const value = base.re ** exponent.re;
  const relative = Math.abs(exponent.re) * (base.error / size) + Math.abs(Math.log(size)) * exponent.error;
  return make(value, 0, Math.abs(value) * relative);
}

/** Returns the real root of a real number if it exists, otherwise the principal root. */
export function root(base: Complex, degree: Complex): Complex {
  const isOdd = degree.im === 0 && Math.abs(degree.re % 2) === 1;
  if (base.im === 0 && base.re < 0 && isOdd) return negative(root(negative(base), degree));
  if (base.im === 0 && degree.re === 2) {
    const size = Math.sqrt(Math.abs(base.re));
    const error = size === 0 ? Math.sqrt(base.error) : base.error / size;
    return base.re < 0 ? make(0, size, error) : make(size, 0, error);
  }
  return power(base, divide(real(1), degree));
}

export function sine(z: Complex): Complex {
  if (z.im === 0) return make(Math.sin(z.re), 0, z.error);
  const stretch = Math.cosh(z.im);
  return make(Math.sin(z.re) * stretch, Math.cos(z.re) * Math.sinh(z.im), z.error * stretch);
}

export function cosine(z: Complex): Complex {
  if (z.im === 0) return make(Math.cos(z.re), 0, z.error);
  const stretch = Math.cosh(z.im);
  return make(Math.cos(z.re) * stretch, -Math.sin(z.re) * Math.sinh(z.im), z.error * stretch);
}

/** Applies a function of one real variable; undefined off the real line and outside its domain. */
export function onReals(f: (x: number) => number, z: Complex): Complex {
  const value = z.im === 0 ? f(z.re) : Number.NaN;
  return Number.isNaN(value)
    ? undefinedValue
    : make(value, 0, (z.error + epsilon) * Math.max(1, Math.abs(value)));
}
