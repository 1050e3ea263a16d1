/**
 * Runs untrusted programs. A sandbox knows nothing of right and wrong: expected outputs never come near it, so a program
 * cannot read, print or forge them. Whatever the program does is data in the outcome, never a throw and never a hang; a
 * `SandboxError` means that the sandbox itself is broken. Each kind is one file, whose head says what it does not stop.
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

/** What to run. */
export type SandboxProgram =
  | {
      /** Load `source` once, then call `entryPoint` with each argument list in order. Arguments are plain data. */
      readonly type: 'function';
      readonly source: string;
      readonly entryPoint: string;
      readonly calls: readonly (readonly unknown[])[];
    }
  | {
      /** Run `source` afresh for each text of `inputs` on its standard input. */
      readonly type: 'stdio';
      readonly source: string;
      readonly inputs: readonly string[];
    };

/** What a program may use. */
export interface SandboxLimits {
  /** CPU time in milliseconds for loading and for each call or input by itself. Never wall-clock: load on the machine must not fail a program. */
  readonly maxCpuMs: number;
  readonly maxMemoryBytes: number;
  /** Longest returned value or printed text kept, in characters; more is `overflow`. */
  readonly maxOutputCharacters: number;
}

/** What became of one call or one input. */
export type CallResult =
  /** The function returned; `value` is plain data (a deep copy made of null, booleans, numbers, strings, bigints, undefined, arrays and plain objects). */
  | { readonly status: 'returned'; readonly value: unknown }
  /** The program read its input and ended normally, having printed `stdout`. */
  | { readonly status: 'printed'; readonly stdout: string }
  /** It threw, exited with an error, or returned what is not plain data; `error` is one short line. */
  | { readonly status: 'failed'; readonly error: string }
  /** It used up its CPU time, memory or output. */
  | { readonly status: 'timeout' | 'out-of-memory' | 'overflow' };

/** What became of a program. */
export type SandboxOutcome =
  /** It loaded; one result per call or input, in order. */
  | { readonly status: 'ran'; readonly results: readonly CallResult[] }
  /** It did not even load (syntax error, no such function, limit reached while loading): no calls were made. */
  | {
      readonly status: 'not-loaded';
      readonly cause: 'failed' | 'timeout' | 'out-of-memory';
      readonly error: string;
    }
  /** Nothing can be said of the program: the machine failed it, retrying included. Its verdict is `ungradable`. */
  | { readonly status: 'infrastructure'; readonly error: string };
