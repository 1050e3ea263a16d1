import { LineProcess } from '../../bridge/line-process.ts';
import { shortPlace } from '../../bridge/last-words.ts';
import { VerifierError } from '../../core/errors.ts';
import type { Arguments } from './arguments.ts';
import { failureSchema, harnessFile, refusalSchema, type Said, saidSchema, type Setup } from './harness.ts';
import type { FunctionSpec, LoadedFunction } from './load.ts';

/** Options with which a process starts, and its limits. */
export interface ProcessSpec extends FunctionSpec {
  /** The files as first loaded; later edits have no effect. */
  readonly sources: LoadedFunction['sources'];
  /** Wall-clock limit per call. */
  readonly maxMs: number;
}

/** Maximum length of a reply: 50 details of 2,000 characters, with a wide margin. */
const maxReplyCharacters = 1 << 24;

/**
 * A process in which the function is loaded. It starts on first use, restarts after it has ended, and handles one call
 * at a time.
 */
export class FunctionProcess implements AsyncDisposable {
  readonly #file: string;
  readonly #process: LineProcess;

  constructor({ file, function: name, python, sources, maxMs, maxLoadMs }: ProcessSpec) {
    const limits = { maxLoadSeconds: maxLoadMs / 1000, maxSeconds: maxMs / 1000 };
    const setup: Setup = { file, function: name, ...limits, sources };
    this.#file = file;
    this.#process = new LineProcess({
      python,
      program: harnessFile,
      userFile: file,
      setup,
      maxLoadMs,
      maxMs,
      maxReplyCharacters,
      name: 'the verifier',
      errorOf: (why) => new VerifierError(why),
      checkSetup: (reply) => {
        const refusal = refusalSchema.safeParse(reply);
        if (refusal.success) throw new VerifierError([...refusal.data.at, refusal.data.refused].join(': '));
      },
    });
  }

  /**
   * Calls the function. @throws VerifierError if the function raises, takes too long or ends its process; the signal's
   * reason if it aborts.
   */
  async call(given: Arguments, signal?: AbortSignal): Promise<Said> {
    const reply = await this.#process.call(given, signal);
    const said = saidSchema.safeParse(reply);
    if (said.success) return said.data;
    const { error, at } = failureSchema.parse(reply);
    throw new VerifierError([...at.map((place) => shortPlace(place, this.#file)), error].join(': '));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#process[Symbol.asyncDispose]();
  }
}
