import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ConfigError } from '../core/errors.ts';
import { LineProcess } from './line-process.ts';
import {
  type BridgedPackage,
  bridgeProtocol,
  type BridgeSetup,
  type Ready,
  readySchema,
  refusedSchema,
} from './messages.ts';

/** Specifies what a bridge process runs. Processes with equal specs are interchangeable. */
export interface BridgeProcessSpec {
  readonly package: BridgedPackage;
  /** Settings of the package's adapter. */
  readonly options: Readonly<Record<string, unknown>>;
  /** Interpreter: a name on PATH, or an absolute path. */
  readonly python: string;
  /** Working directory; absolute. */
  readonly folder: string;
  readonly maxLoadMs: number;
  readonly maxMs: number;
}

/** Thrown if a process exceeds a time limit, ends, or violates the protocol. */
export class BridgeFailure extends Error {
  override readonly name = 'BridgeFailure';
}

const program = fileURLToPath(new URL('bridge.py', import.meta.url));

/** Maximum length of a reply in characters. The process itself enforces a lower limit. */
const maxReplyCharacters = 1 << 24;

/** Milliseconds for which a released process is kept for its next user, because importing a package takes seconds. */
const keptMs = 300_000;
const kept = new Map<string, { readonly process: BridgeProcess; readonly timer: NodeJS.Timeout }[]>();

/** Returns a released process with this spec, or a new one, which starts on first use. */
export function takeProcess(spec: BridgeProcessSpec): BridgeProcess {
  const waiting = kept.get(JSON.stringify(spec))?.pop();
  clearTimeout(waiting?.timer);
  return waiting?.process ?? new BridgeProcess(spec);
}

/** A process that runs `bridge.py`. Disposing releases an idle process to its next user, and ends a busy one. */
export class BridgeProcess implements AsyncDisposable {
  readonly #spec: BridgeProcessSpec;
  readonly #process: LineProcess;
  #ready: Ready | undefined;

  constructor(spec: BridgeProcessSpec) {
    const { package: name, options, python, folder, maxLoadMs, maxMs } = spec;
    const limits = { maxSeconds: maxMs / 1000, maxLoadSeconds: maxLoadMs / 1000 };
    const setup: BridgeSetup = { protocol: bridgeProtocol, package: name, options, ...limits };
    this.#spec = spec;
    this.#process = new LineProcess({
      python,
      program,
      userFile: resolve(folder, 'recipe'),
      cwd: folder,
      setup,
      maxLoadMs,
      maxMs,
      maxReplyCharacters,
      name,
      errorOf: (why) => new BridgeFailure(why),
      checkSetup: (reply) => (this.#ready = readReady(reply, name, python)),
    });
  }

  /** The process's description of what it loaded; undefined before its first call. */
  get ready(): Ready | undefined {
    return this.#ready;
  }

  /** @throws BridgeFailure; ConfigError if the package cannot be used; the signal's reason. */
  call(request: object, signal?: AbortSignal): Promise<unknown> {
    return this.#process.call(request, signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#process.isIdle) return this.#process[Symbol.asyncDispose]();
    const key = JSON.stringify(this.#spec);
    const list = kept.get(key) ?? [];
    const end = (): void => {
      list.splice(
        list.findIndex(({ process }) => process === this),
        1,
      );
      void this.#process[Symbol.asyncDispose]();
    };
    kept.set(key, list);
    // The timer is unreferenced: when Gradus exits, the process reaches the end of its input and exits.
    list.push({ process: this, timer: setTimeout(end, keptMs).unref() });
  }
}

function readReady(reply: unknown, name: BridgedPackage, python: string): Ready {
  const ready = readySchema.safeParse(reply);
  if (ready.success) return ready.data;
  const refused = refusedSchema.safeParse(reply);
  const why = refused.success ? refused.data.refused : ready.error.message;
  throw new ConfigError(`${name}: ${why}`, { tryNext: installHint(name, python) });
}

/** Returns the command that installs a package. */
export const installHint = (name: BridgedPackage, python: string): string =>
  `${python} -m pip install ${name}   # or set "python" to an interpreter that has it`;
