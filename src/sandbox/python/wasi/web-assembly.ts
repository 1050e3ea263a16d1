/** The parts of the WebAssembly JavaScript API that are used here; Node's type declarations lack them. */
export interface WebAssemblyParts {
  readonly Instance: new (module: CompiledModule, imports: object) => { readonly exports: WasmExports };
  readonly RuntimeError: new () => Error;
  compile(bytes: Uint8Array): Promise<CompiledModule>;
}

/** A compiled module; it can be sent to another thread. */
export interface CompiledModule {
  readonly [Symbol.toStringTag]: 'WebAssembly.Module';
}

/** A program's memory; growing it replaces `buffer`. */
export interface WasmMemory {
  readonly buffer: ArrayBuffer;
}

/** What a WASI command exports. */
export interface WasmExports {
  readonly memory: WasmMemory;
  readonly _start: () => void;
}

/** See `WebAssemblyParts`. */
export const wasm = (globalThis as unknown as { readonly WebAssembly: WebAssemblyParts }).WebAssembly;
