/**
 * Runs untrusted programs. Expected outputs never enter the program's process, so that it cannot read, print or forge
 * them: printed output is compared outside the sandbox, and tests of Python functions run in a second guarded process
 * (see `python/run-judge.ts`). A program cannot make `run` throw or hang: the outcome reports how the program ended. A
 * `SandboxError` means that the sandbox itself is broken. The comment at the top of each implementation lists the
 * attacks that it does not prevent.
 *
 * @example
 * await using sandbox = openQuickjsSandbox();
 * const outcome = await sandbox.run({ type: 'function', source: 'x=>3*x', entryPoint: 'f', calls: [[2]] }, limits);
 * outcome.results[0]; // { status: 'returned', value: 6 }
 */
export interface Sandbox extends AsyncDisposable {
  /** Kind and version, recorded in the run, e.g. `quickjs@1`. */
  readonly name: string;
  readonly language: 'javascript' | 'python';
  run(program: SandboxProgram, limits: SandboxLimits, signal?: AbortSignal): Promise<SandboxOutcome>;
}

/** A program, and the calls or inputs with which to run it. */
export type SandboxProgram =
  | {
      /** Loads `source` once, then calls `entryPoint` with each argument list in order. Arguments are plain data. */
      readonly type: 'function';
      readonly source: string;
      readonly entryPoint: string;
      readonly calls: readonly (readonly unknown[])[];
    }
  | {
      /** Runs `source` in a new process for each string in `inputs`, which is its standard input. */
      readonly type: 'stdio';
      readonly source: string;
      readonly inputs: readonly string[];
    };

/** Resources that a program may use. */
export interface SandboxLimits {
  /**
   * CPU milliseconds for loading, and again for each call or input. Counts CPU time, not wall-clock time, so
   * that a busy machine does not cause a timeout.
   */
  readonly maxCpuMs: number;
  readonly maxMemoryBytes: number;
  /** Maximum number of characters in a returned value or in printed text; more is an `overflow`. */
  readonly maxOutputCharacters: number;
}

/** The result of one call or one input. */
export type CallResult =
  /**
   * The function returned; `value` is plain data (a deep copy made of null, booleans, numbers, strings, bigints,
   * undefined, arrays and plain objects).
   */
  | { readonly status: 'returned'; readonly value: unknown }
  /** The program ended normally and printed `stdout`. */
  | { readonly status: 'printed'; readonly stdout: string }
  /** The program threw, exited with an error, or returned a value that is not plain data; `error` is one short line. */
  | { readonly status: 'failed'; readonly error: string }
  /** The program exceeded its CPU time, memory or output limit. */
  | { readonly status: 'timeout' | 'out-of-memory' | 'overflow' };

/** The outcome of a program. */
export type SandboxOutcome =
  /** The program loaded; one result per call or input, in order. */
  | { readonly status: 'ran'; readonly results: readonly CallResult[] }
  /** The program did not load (syntax error, missing function, limit reached while loading), so no calls were made. */
  | {
      readonly status: 'not-loaded';
      readonly cause: 'failed' | 'timeout' | 'out-of-memory';
      readonly error: string;
    }
  /** The machine failed, even after retries; the program may be correct or not. The verdict is `ungradable`. */
  | { readonly status: 'infrastructure'; readonly error: string };
