import type { WasmMemory } from './web-assembly.ts';

/** The memory of a running WebAssembly program, which its host's calls read and write. */
export class ProgramMemory {
  #memory: WasmMemory | undefined;

  /** Sets the memory of the instance. Must be called before the program starts. */
  attach(memory: WasmMemory): void {
    this.#memory = memory;
  }

  /** Returns a view of the current memory. Do not keep it: it is detached when the program grows its memory. */
  get view(): DataView {
    return new DataView(this.#memory!.buffer);
  }

  bytes(at: number, length: number): Uint8Array {
    return new Uint8Array(this.#memory!.buffer, at, length);
  }

  text(at: number, length: number): string {
    return decoder.decode(this.bytes(at, length).slice());
  }
}

const decoder = new TextDecoder();

/** Functions of WASI preview 1 by name; each returns an error number, 0 for success. */
export type WasiCalls = Record<string, (...values: never[]) => number>;

/** Error numbers of WASI preview 1. */
export const errno = { badf: 8, fbig: 22, inval: 28, noent: 44, nosys: 52, rofs: 69, spipe: 70 } as const;
