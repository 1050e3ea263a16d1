/**
 * Maps 32-bit keys to items: a hash table with open addressing in two typed arrays, 8 bytes per entry. A `Map` of 16
 * million entries would take ten times as much.
 */
export class KeyIndex {
  #keys = new Uint32Array(1 << 16);
  /** Each entry is item + 1; 0 marks a free slot. */
  #items = new Uint32Array(1 << 16);
  #size = 0;

  /** Adds an item (0 … 2^32 − 2) under a key; a key may have several items. */
  add(key: number, item: number): void {
    if (this.#size * 5 > this.#keys.length * 3) this.#grow();
    this.#put(key, item + 1);
    this.#size++;
  }

  /** Returns up to `limit` items of a key, in the order added. */
  get(key: number, limit: number): number[] {
    const found: number[] = [];
    const mask = this.#keys.length - 1;
    for (
      let slot = scatter(key) & mask;
      this.#items[slot] !== 0 && found.length < limit;
      slot = (slot + 1) & mask
    )
      if (this.#keys[slot] === key) found.push(this.#items[slot]! - 1);
    return found;
  }

  #put(key: number, entry: number): void {
    const mask = this.#keys.length - 1;
    let slot = scatter(key) & mask;
    while (this.#items[slot] !== 0) slot = (slot + 1) & mask;
    this.#keys[slot] = key;
    this.#items[slot] = entry;
  }

  #grow(): void {
    const [keys, items] = [this.#keys, this.#items];
    this.#keys = new Uint32Array(keys.length * 2);
    this.#items = new Uint32Array(keys.length * 2);
    for (let slot = 0; slot < keys.length; slot++)
      if (items[slot] !== 0) this.#put(keys[slot]!, items[slot]!);
  }
}

/** Mixes a key, which is already a hash, to avoid clustering when the table grows. */
function scatter(key: number): number {
  return Math.imul(key, 0x9e3779b1) >>> 7;
}
