/** Lanczos coefficients for g = 7, n = 9 (Godfrey 2001): about 15 digits. */
const lanczos = [
  0.99999999999980993, 676.5203681218851, -1259.1392167224028, 771.32342877765313, -176.61502916214059,
  12.507343278686905, -0.13857109526572012, 9.9843695780195716e-6, 1.5056327351493116e-7,
];

/** Returns ln Γ(x) for x > 0 (Lanczos approximation). */
export function logGamma(x: number): number {
  if (x < 0.5) return Math.log(Math.PI / Math.sin(Math.PI * x)) - logGamma(1 - x);
  const shifted = x - 1;
  const t = shifted + 7.5;
  const series = lanczos
    .slice(1)
    .reduce((sum, coefficient, i) => sum + coefficient / (shifted + i + 1), lanczos[0]!);
  return 0.5 * Math.log(2 * Math.PI) + (shifted + 0.5) * Math.log(t) - t + Math.log(series);
}

/** Returns x! for real x > -1. */
export function factorialOf(x: number): number {
  if (x < 0) return Number.NaN;
  if (Number.isInteger(x) && x < 171) {
    let product = 1;
    for (let i = 2; i <= x; i++) product *= i;
    return product;
  }
  return Math.exp(logGamma(x + 1));
}
