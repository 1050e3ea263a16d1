/** Stores lists of 32-bit numbers in large blocks: 4 bytes per number and 8 per list. */
export class NumberLists {
  readonly #blocks: Uint32Array[] = [];
  #used = blockLength;
  /** Block and offset of each list; the first number stored there is the list's length. */
  #places = new Float64Array(1 << 12);
  #count = 0;

  /** Number of lists. */
  get count(): number {
    return this.#count;
  }

  /** Appends a list of at most a million numbers. */
  push(list: Uint32Array): void {
    if (this.#used + list.length + 1 > blockLength) {
      this.#blocks.push(new Uint32Array(blockLength));
      this.#used = 0;
    }
    const block = this.#blocks.at(-1)!;
    block[this.#used] = list.length;
    block.set(list, this.#used + 1);
    if (this.#count === this.#places.length) this.#growPlaces();
    this.#places[this.#count++] = (this.#blocks.length - 1) * blockLength + this.#used;
    this.#used += list.length + 1;
  }

  /** Returns a read-only view of a list. */
  get(index: number): Uint32Array {
    const place = this.#places[index]!;
    const block = this.#blocks[Math.floor(place / blockLength)]!;
    const start = (place % blockLength) + 1;
    return block.subarray(start, start + block[start - 1]!);
  }

  #growPlaces(): void {
    const places = new Float64Array(this.#places.length * 2);
    places.set(this.#places);
    this.#places = places;
  }
}

const blockLength = 1 << 20;
