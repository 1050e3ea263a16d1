import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { FrozenPolicy, Sampler } from '../engine.ts';

/** A worker that only samples, from saved policies. */
export interface SamplingWorker extends AsyncDisposable, Pick<Sampler, 'sample'> {
  /** Loads a state; waits until samples in progress have ended. */
  loadState(dir: string): Promise<void>;
}

/** Functions and settings that `FrozenPolicies` needs. */
export interface FrozenPolicyParts {
  readonly info: Sampler['info'];
  /** Folder for the saved policies; `null`: the system's temporary folder. */
  readonly scratch: string | null;
  /** Writes the current weights and returns their version. */
  readonly save: (dir: string) => Promise<number>;
  readonly open: () => Promise<SamplingWorker>;
}

/**
 * Samples from past policies in a second worker, which holds only one policy at a time: a policy can sample once the
 * previous one is disposed. Completions therefore do not depend on how batches overlap.
 */
export class FrozenPolicies implements AsyncDisposable {
  readonly #parts: FrozenPolicyParts;
  #worker: Promise<SamplingWorker> | null = null;
  #folder: Promise<string> | null = null;
  #count = 0;
  /** Folder of the loaded policy, which a restarted worker reads again; null if none is loaded. */
  #loaded: string | null = null;
  #previous: Promise<void> = Promise.resolve();

  constructor(parts: FrozenPolicyParts) {
    this.#parts = parts;
  }

  async freeze(): Promise<FrozenPolicy> {
    const { info, save, scratch } = this.#parts;
    this.#folder ??= newFolder(scratch ?? tmpdir());
    const dir = join(await this.#folder, `policy-${++this.#count}`);
    const policyVersion = await save(dir);
    const before = this.#previous;
    const { promise: disposed, resolve: dispose } = Promise.withResolvers<void>();
    this.#previous = Promise.all([before, disposed]).then(() => undefined);
    let loading: Promise<SamplingWorker> | undefined;
    const load = (): Promise<SamplingWorker> => (loading ??= before.then(() => this.#load(dir)));
    return {
      policyVersion,
      sampler: {
        info,
        sample: async function* (request, signal) {
          yield* (await load()).sample(request, signal);
        },
      },
      [Symbol.asyncDispose]: () => {
        dispose();
        return Promise.resolve();
      },
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const worker = await this.#worker?.catch(() => undefined);
    await worker?.[Symbol.asyncDispose]();
    const folder = await this.#folder?.catch(() => undefined);
    if (folder !== undefined) await rm(folder, { recursive: true, force: true });
  }

  async #load(dir: string): Promise<SamplingWorker> {
    this.#worker ??= this.#parts.open();
    const worker = await this.#worker;
    await worker.loadState(dir);
    const old = this.#loaded;
    this.#loaded = dir;
    if (old !== null) await rm(old, { recursive: true, force: true });
    return worker;
  }
}

async function newFolder(parent: string): Promise<string> {
  await mkdir(parent, { recursive: true });
  return mkdtemp(join(parent, 'gradus-policies-'));
}
