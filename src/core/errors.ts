const marker = Symbol.for('gradus.error');

/** What every Gradus error carries besides its message. */
export interface GradusErrorOptions extends ErrorOptions {
  /** The command or edit that gets the user going again; the CLI prints it as its last line. */
  readonly tryNext?: string;
}

/**
 * Root of every error Gradus throws on purpose; recognised across duplicate installs.
 *
 * A message says what was expected, what came, where (`file:row`) and what to do about it.
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

  /** True for any Gradus error, also one made by another copy of this package. */
  static isInstance(value: unknown): value is GradusError {
    return typeof value === 'object' && value !== null && marker in value;
  }
}

/** A recipe, flag or setting is not valid. Thrown before anything starts. */
export class ConfigError extends GradusError {
  override readonly name = 'ConfigError';
  constructor(message: string, options?: GradusErrorOptions & { readonly code?: string }) {
    super(options?.code ?? 'CONFIG_INVALID', message, options);
  }
}

/** A file of problems, a model folder or another input cannot be used as it is. */
export class DataError extends GradusError {
  override readonly name = 'DataError';
  constructor(message: string, options?: GradusErrorOptions & { readonly code?: string }) {
    super(options?.code ?? 'DATA_INVALID', message, options);
  }
}

/** A verifier itself broke (not: an answer was wrong, which is a verdict). */
export class VerifierError extends GradusError {
  override readonly name = 'VerifierError';
  constructor(message: string, options?: GradusErrorOptions & { readonly code?: string }) {
    super(options?.code ?? 'VERIFIER_FAILED', message, options);
  }
}

/** A sandbox could not be started or failed its self-test. */
export class SandboxError extends GradusError {
  override readonly name = 'SandboxError';
  constructor(message: string, options?: GradusErrorOptions & { readonly code?: string }) {
    super(options?.code ?? 'SANDBOX_FAILED', message, options);
  }
}

/** An engine could not do what it was asked: wrong model files, numbers that are not finite, a lost worker. */
export class EngineError extends GradusError {
  override readonly name: string = 'EngineError';
  constructor(message: string, options?: GradusErrorOptions & { readonly code?: string }) {
    super(options?.code ?? 'ENGINE_FAILED', message, options);
  }
}

/** The engine's worker process or thread ended while it was needed. */
export class WorkerCrashed extends EngineError {
  override readonly name = 'WorkerCrashed';
  constructor(message: string, options?: GradusErrorOptions) {
    super(message, { ...options, code: 'WORKER_CRASHED' });
  }
}

/** What crossed to or from a worker did not follow the protocol. */
export class ProtocolError extends EngineError {
  override readonly name = 'ProtocolError';
  constructor(message: string, options?: GradusErrorOptions) {
    super(message, { ...options, code: 'PROTOCOL_VIOLATED' });
  }
}

/** A run directory is missing, locked, finished, edited or cannot be written. */
export class RunError extends GradusError {
  override readonly name = 'RunError';
  constructor(message: string, options?: GradusErrorOptions & { readonly code?: string }) {
    super(options?.code ?? 'RUN_FAILED', message, options);
  }
}

/** A file or folder cannot be written: a full disk, a missing permission, a wrong path. `cause` is the system error. */
export class StorageError extends GradusError {
  override readonly name = 'StorageError';
  constructor(message: string, options?: GradusErrorOptions & { readonly code?: string }) {
    super(options?.code ?? 'STORAGE_FAILED', message, options);
  }
}

/**
 * What went wrong first. Where closing something fails after the work in it has failed, `using` throws a
 * `SuppressedError` whose own message says nothing; the failure of the work is the one to tell.
 */
export function firstError(error: unknown): unknown {
  return error instanceof SuppressedError ? firstError(error.suppressed) : error;
}
