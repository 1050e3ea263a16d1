import type { StatsFs } from 'node:fs';
import { readdir, statfs } from 'node:fs/promises';
import type * as z from 'zod';
import { optimizerConfig } from '../algorithms/optimizer.ts';
import { ConfigError, RunError, StorageError } from '../core/errors.ts';
import { type EngineInfo, requireLearner } from '../engines/engine.ts';
import { writeFolderAtomic } from '../storage/atomic.ts';
import { explainSystemError } from '../storage/system-error.ts';
import type { TrustOptions } from '../recipe/trust.ts';
import { readExamples } from './examples.ts';
import { fitExamples } from './fit-examples.ts';
import { chooseEngine, type EngineChoice, locateModel, openModel } from '../models/open-model.ts';
import { superviseModel, type SupervisedOptions, type SupervisedStep } from './supervised.ts';
import { makeFolder } from '../storage/make-folder.ts';

/** Options of `fineTune`: model, examples, and the output folder. */
export interface FineTuneOptions extends Omit<SupervisedOptions, 'optimizer'>, TrustOptions {
  /** Model folder or run. */
  readonly model: string;
  /** File of examples. */
  readonly examples: string;
  /** Folder of the new model; must be empty or missing. */
  readonly out: string;
  readonly exportType: 'bf16' | 'f32';
  readonly engine: EngineChoice;
  readonly optimizer: z.input<typeof optimizerConfig>;
  /** Called once before the first step. */
  readonly onStart?: (examples: number, engine: EngineInfo, warnings: readonly string[]) => void;
}

/**
 * Fine-tunes a model on a file of examples and writes a model folder. Checks before the first step that the result can
 * be saved (folder not in use, enough space).
 *
 * @returns the last step's figures.
 * @throws ConfigError, DataError or EngineError, before anything is written. RunError (`INTERRUPTED`) when stopped
 * after the first step: `out` then holds the model trained so far.
 */
export async function fineTune(options: FineTuneOptions): Promise<SupervisedStep> {
  const { model, out, exportType, onStart } = options;
  const examples = await readExamples(options.examples);
  await requireEmpty(out);
  const source = await locateModel(model, { trust: options.trust });
  const set = [...(options.engine.set ?? []), `exportType=${exportType}`];
  const config = chooseEngine(source, { ...options.engine, set });
  await using opened = await openModel(source, config, true);
  const engine = requireLearner(opened);
  const { info } = engine.sampler;
  await requireSpace(out, info.parameters! * (exportType === 'bf16' ? 2 : 4));
  const { fitting, warnings } = fitExamples(engine, examples);
  onStart?.(fitting.length, info, warnings);
  const last = await superviseModel(engine, fitting, {
    ...options,
    optimizer: optimizerConfig.parse(options.optimizer),
  });
  await writeFolderAtomic(out, (draft) => engine.weights.exportModel(draft));
  if (options.signal?.aborted !== true || last.step === last.lastStep) return last;
  throw new RunError(`stopped after step ${last.step} of ${last.lastStep}; the model so far is in ${out}`, {
    code: 'INTERRUPTED',
    tryNext: `gradus sample ${out}`,
  });
}

async function requireEmpty(out: string): Promise<void> {
  const held = await readdir(out).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw new ConfigError(`--out ${out}: expected a writable folder, got ${error.message}`);
  });
  if (held.length === 0) return;
  throw new ConfigError(
    `--out ${out}: expected a new or empty folder, found ${held.length} files in it; they were not changed`,
    { tryNext: `gradus sft … --out ${out}-2` },
  );
}

async function requireSpace(out: string, bytes: number): Promise<void> {
  const { bavail, bsize } = await createFolder(out);
  if (bavail * bsize > bytes) return;
  const [needed, free] = [bytes, bavail * bsize].map((count) => `${Math.ceil(count / 2 ** 20)} MiB`);
  throw new StorageError(`--out ${out}: expected ${needed} free for the model, found ${free}`, {
    code: 'DISK_FULL',
    tryNext: `df -h ${out}`,
  });
}

/** Creates the folder and returns the facts of its file system. */
async function createFolder(path: string): Promise<StatsFs> {
  try {
    await makeFolder(path);
    return await statfs(path);
  } catch (error) {
    throw explainSystemError(error, path);
  }
}
