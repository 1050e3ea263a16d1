import { promptLength, type Transcript } from '../../../core/transcript.ts';
import { bytesOf, freePast, type Past } from './key-value-cache.ts';

/**
 * Keys and values of stopped sequences, so that a continuation does not read its beginning again. A continuation without
 * them reads it and gets the same bits. Past `maxBytes`, drops those that were kept first.
 */
export class KeptPasts {
  readonly #maxBytes: number;
  #bytes = 0;
  /** Oldest first. */
  readonly #kept = new Map<string, { readonly version: number; readonly past: Past }>();

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Keeps the keys and values of all tokens but the last, computed with the weights of this version. */
  keep(transcript: Transcript, version: number, past: Past): void {
    const name = nameOf(transcript, version);
    this.#free(name);
    this.#kept.set(name, { version, past });
    this.#bytes += bytesOf(past);
    for (const oldest of this.#kept.keys()) {
      if (this.#bytes <= this.#maxBytes) break;
      this.#free(oldest);
    }
  }

  /** Returns what was kept for the transcript up to its last written token, if anything, and drops it. */
  take(transcript: Transcript, version: number): Past | undefined {
    if (transcript.written.length === 0) return undefined;
    const name = nameOf(transcript, version);
    return this.#remove(name);
  }

  /** Drops everything that was computed with weights of this version. */
  dropVersion(version: number): void {
    for (const [name, kept] of this.#kept) if (kept.version === version) this.#free(name);
  }

  #remove(name: string): Past | undefined {
    const past = this.#kept.get(name)?.past;
    if (past === undefined) return undefined;
    this.#kept.delete(name);
    this.#bytes -= bytesOf(past);
    return past;
  }

  /** Removes and frees what was kept: garbage collection would free it much later. */
  #free(name: string): void {
    const past = this.#remove(name);
    if (past !== undefined) freePast(past);
  }
}

/**
 * Identifies the weights and the tokens up to the last written one. The length of the prompt is part of it, because a
 * prompt and written tokens are computed in a different order.
 */
function nameOf(transcript: Transcript, version: number): string {
  const { tokens, written } = transcript;
  const used = tokens.subarray(0, written.at(-1)!.end);
  const bytes = Buffer.from(used.buffer, used.byteOffset, used.byteLength).toString('latin1');
  return `${version} ${promptLength(transcript)} ${bytes}`;
}
