/**
 * Returns the probability that a group of `size` rollouts is mixed, and so has a learning signal, if the pass
 * rate is Beta(alpha, beta)-distributed: 1 − P(all succeed) − P(all fail), exact for every positive alpha and
 * beta.
 */
export function betaLiveProbability(alpha: number, beta: number, size: number): number {
  let all = 1;
  let none = 1;
  for (let i = 0; i < size; i++) {
    const trials = alpha + beta + i;
    all *= (alpha + i) / trials;
    none *= (beta + i) / trials;
  }
  return Math.max(0, 1 - all - none);
}
