/**
 * Divides items among keys in proportion to weights. Shares are exact over time: rounding errors carry over to the next
 * call (largest remainder). No key is ever one item or more ahead of its share; with two keys, neither is one item or
 * more behind.
 *
 * @example
 * const shares = new Shares(['math', 'code']);
 * shares.allot(4, { math: 2, code: 1 }); // { math: 3, code: 1 }
 * shares.allot(4, { math: 2, code: 1 }); // { math: 2, code: 2 }
 * shares.allot(4, { math: 2, code: 1 }); // { math: 3, code: 1 }: 8 to 4 in total
 */
export class Shares {
  readonly #keys: readonly string[];
  #owed: Record<string, number>;

  constructor(keys: readonly string[]) {
    this.#keys = keys;
    this.#owed = Object.fromEntries(keys.map((key) => [key, 0]));
  }

  /**
   * Returns how many of `count` items each key gets; the sum is `count`. Weights must be ≥ 0, and at least
   * one positive.
   */
  allot(count: number, weights: Readonly<Record<string, number>>): Record<string, number> {
    const total = this.#keys.reduce((sum, key) => sum + weights[key]!, 0);
    const allotted = Object.fromEntries(this.#keys.map((key) => [key, 0]));
    for (const key of this.#keys) this.#owed[key]! += (count * weights[key]!) / total;
    for (let i = 0; i < count; i++) {
      const key = this.#mostOwed(weights);
      allotted[key]!++;
      this.#owed[key]!--;
    }
    return allotted;
  }

  save(): Record<string, number> {
    return { ...this.#owed };
  }

  restore(owed: Readonly<Record<string, number>>): void {
    this.#owed = Object.fromEntries(this.#keys.map((key) => [key, owed[key] ?? 0]));
  }

  #mostOwed(weights: Readonly<Record<string, number>>): string {
    const eligible = this.#keys.filter((key) => weights[key]! > 0);
    return eligible.reduce((most, key) => (this.#owed[key]! > this.#owed[most]! ? key : most));
  }
}
