/**
 * A pipe of bytes between two threads: a ring buffer in shared memory. As with an operating system's pipe, reading
 * blocks the thread until there are bytes, and writing until there is room.
 */
export class SharedPipe {
  /** Memory to send to the other thread, which creates a `SharedPipe` from it. */
  readonly memory: SharedArrayBuffer;
  readonly #state: Int32Array;
  readonly #ring: Uint8Array;

  constructor(memory = new SharedArrayBuffer(headBytes + ringBytes)) {
    this.memory = memory;
    this.#state = new Int32Array(memory, 0, 4);
    this.#ring = new Uint8Array(memory, headBytes, ringBytes);
  }

  /** Closes both ends: reads return the remaining bytes and then nothing; writes return `false`. */
  close(): void {
    Atomics.store(this.#state, closed, 1);
    this.#wake();
  }

  /** Waits up to `ms` milliseconds; returns whether a read would not block. */
  isReadable(ms: number): boolean {
    const now = Atomics.load(this.#state, changes);
    if (this.#filled() > 0 || this.#isClosed()) return true;
    Atomics.wait(this.#state, changes, now, ms);
    return this.#filled() > 0 || this.#isClosed();
  }

  /** Reads between one and `most` bytes; returns an empty array once the pipe is closed and drained. */
  read(most: number): Uint8Array {
    for (;;) {
      const now = Atomics.load(this.#state, changes);
      const count = Math.min(most, this.#filled());
      if (count > 0) return this.#take(count);
      if (this.#isClosed()) return new Uint8Array(0);
      Atomics.wait(this.#state, changes, now);
    }
  }

  /** Writes all of `bytes`; returns false if the pipe was closed first. */
  write(bytes: Uint8Array): boolean {
    for (let offset = 0; offset < bytes.length;) {
      const now = Atomics.load(this.#state, changes);
      if (this.#isClosed()) return false;
      const room = ringBytes - this.#filled();
      if (room > 0) offset += this.#put(bytes.subarray(offset, offset + room));
      else Atomics.wait(this.#state, changes, now);
    }
    return true;
  }

  #filled(): number {
    return (Atomics.load(this.#state, written) - Atomics.load(this.#state, taken)) >>> 0;
  }

  #isClosed(): boolean {
    return Atomics.load(this.#state, closed) === 1;
  }

  #take(count: number): Uint8Array {
    const start = (Atomics.load(this.#state, taken) >>> 0) % ringBytes;
    const bytes = new Uint8Array(count);
    const first = Math.min(count, ringBytes - start);
    bytes.set(this.#ring.subarray(start, start + first));
    bytes.set(this.#ring.subarray(0, count - first), first);
    Atomics.add(this.#state, taken, count);
    this.#wake();
    return bytes;
  }

  #put(bytes: Uint8Array): number {
    const start = (Atomics.load(this.#state, written) >>> 0) % ringBytes;
    const first = Math.min(bytes.length, ringBytes - start);
    this.#ring.set(bytes.subarray(0, first), start);
    this.#ring.set(bytes.subarray(first), 0);
    Atomics.add(this.#state, written, bytes.length);
    this.#wake();
    return bytes.length;
  }

  #wake(): void {
    Atomics.add(this.#state, changes, 1);
    Atomics.notify(this.#state, changes);
  }
}

/** Indices in the head; byte counts wrap around at 2^32, a multiple of the ring's size. */
const [written, taken, closed, changes] = [0, 1, 2, 3];
const headBytes = 16;
const ringBytes = 1 << 20;
