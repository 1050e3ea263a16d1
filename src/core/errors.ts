const marker = Symbol.for('gradus.error');

/** Fields of a Gradus error besides its message. */
export interface GradusErrorOptions extends ErrorOptions {
  /** The command or edit to try next; the CLI prints it as its last line. */
  readonly tryNext?: string;
}

/**
 * Base class of all errors that Gradus throws on purpose. `isInstance` recognises it across duplicate installs.
 *
 * A message states what was expected, what was found, where (`file:row`) and what to do.
 *
 * @example
 * throw new DataError('problems.jsonl:7: expected an "answer" string, got nothing', { tryNext: 'gradus data check problems.jsonl' });
 */
export class GradusError extends Error {
  override readonly name: string = 'GradusError';
  /** Stable upper-case identifier for scripts, e.g. `CONFIG_INVALID`. */
  readonly code: string;
  readonly tryNext: string | undefined;
  readonly [marker] = true;

  constructor(code: string, message: string, options: GradusErrorOptions = {}) {
    super(message, options);
    this.code = code;
    this.tryNext = options.tryNext;
  }

  /** Returns whether a value is a Gradus error, including one from another copy of this package. */
  static isInstance(value: unknown): value is GradusError {
    return typeof value === 'object' && value !== null && marker in value;
  }
}

/** An invalid recipe, flag or setting. Thrown before anything starts. */
export class ConfigError extends GradusError {
  override readonly name = 'ConfigError';
  constructor(message: string, options?: GradusErrorOptions & { readonly code?: string }) {
    super(options?.code ?? 'CONFIG_INVALID', message, options);
  }
}

/** An input that cannot be used: a file of problems, a model folder, a download. */
export class DataError extends GradusError {
  override readonly name = 'DataError';
  constructor(message: string, options?: GradusErrorOptions & { readonly code?: string }) {
    super(options?.code ?? 'DATA_INVALID', message, options);
  }
}

/** A failure of the verifier itself; a wrong answer is a verdict, not an error. */
export class VerifierError extends GradusError {
  override readonly name = 'VerifierError';
  constructor(message: string, options?: GradusErrorOptions & { readonly code?: string }) {
    super(options?.code ?? 'VERIFIER_FAILED', message, options);
  }
}

/** A sandbox that cannot be started or fails its self-test. */
export class SandboxError extends GradusError {
  override readonly name = 'SandboxError';
  constructor(message: string, options?: GradusErrorOptions & { readonly code?: string }) {
    super(options?.code ?? 'SANDBOX_FAILED', message, options);
  }
}

/** A failure of the environment itself; an invalid action of the policy is not an error. */
export class EnvironmentError extends GradusError {
  override readonly name = 'EnvironmentError';
  constructor(message: string, options?: GradusErrorOptions & { readonly code?: string }) {
    super(options?.code ?? 'ENVIRONMENT_FAILED', message, options);
  }
}

/** A failure of an engine: invalid model files, non-finite numbers, a lost worker. */
export class EngineError extends GradusError {
  override readonly name: string = 'EngineError';
  constructor(message: string, options?: GradusErrorOptions & { readonly code?: string }) {
    super(options?.code ?? 'ENGINE_FAILED', message, options);
  }
}

/** A worker process or thread of an engine that ended unexpectedly. */
export class WorkerCrashed extends EngineError {
  override readonly name = 'WorkerCrashed';
  constructor(message: string, options?: GradusErrorOptions) {
    super(message, { ...options, code: 'WORKER_CRASHED' });
  }
}

/** A message to or from a worker that violates the protocol. */
export class ProtocolError extends EngineError {
  override readonly name = 'ProtocolError';
  constructor(message: string, options?: GradusErrorOptions) {
    super(message, { ...options, code: 'PROTOCOL_VIOLATED' });
  }
}

/** A run directory that is missing, locked, finished, edited or read-only. */
export class RunError extends GradusError {
  override readonly name = 'RunError';
  constructor(message: string, options?: GradusErrorOptions & { readonly code?: string }) {
    super(options?.code ?? 'RUN_FAILED', message, options);
  }
}

/** A file or folder that cannot be written: full disk, missing permission, wrong path. `cause` is the system error. */
export class StorageError extends GradusError {
  override readonly name = 'StorageError';
  constructor(message: string, options?: GradusErrorOptions & { readonly code?: string }) {
    super(options?.code ?? 'STORAGE_FAILED', message, options);
  }
}

/**
 * Returns the first failure inside a `SuppressedError`, which `using` throws when disposal fails after the work has
 * failed. The work's own failure is the one to report.
 */
export function firstError(error: unknown): unknown {
  return error instanceof SuppressedError ? firstError(error.suppressed) : error;
}

/** Returns the message of any thrown value. */
export const messageOf = (thrown: unknown): string =>
  thrown instanceof Error ? thrown.message : String(thrown);
