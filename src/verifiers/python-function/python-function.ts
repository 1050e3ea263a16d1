import { basename, dirname, extname, relative, resolve } from 'node:path';
import * as z from 'zod';
import { durationMs, durationSchema } from '../../core/text/duration.ts';
import { ConfigError } from '../../core/errors.ts';
import { createPool } from '../../core/async/pool.ts';
import type { Problem } from '../../core/problem.ts';
import { hashKey } from '../../core/rng.ts';
import { noun } from '../../core/config-builder.ts';
import type { Verifier } from '../verifier.ts';
import {
  type Arguments,
  argumentsFor,
  completionParameters,
  type Convention,
  conventionOf,
  conventions,
} from './arguments.ts';
import { hashSources, type LoadedFunction, loadFunction } from './load.ts';
import { FunctionProcess } from './process.ts';
import { findingOf } from './score.ts';

/** A Python reward function with the calling convention of verl or TRL, run in separate processes. */
export const pythonFunctionConfig = z.strictObject({
  type: z.literal('python-function'),
  /** The Python file; a relative path is resolved against the recipe's folder. */
  file: z.string().min(1),
  function: z.string().min(1).default('compute_score'),
  /** Calling convention; `auto` detects it from the function's parameters. */
  convention: z.enum(['auto', ...conventions]).default('auto'),
  /** Keyword arguments added to every call, which take precedence over others (verl's `reward_kwargs`). */
  options: z.record(z.string(), z.json()).default({}),
  /** Interpreter: a name on PATH, or a path relative to the recipe's folder, e.g. into a virtual environment. */
  python: z.string().min(1).default('python3'),
  /** Number of processes that judge in parallel; other completions wait. */
  workers: z.int().min(1).max(256).default(2),
  /** Wall-clock limit for a verdict; a slower verdict is `ungradable`, and its process is killed. */
  maxTime: durationSchema.default('60s'),
  /** Wall-clock limit for loading the file and its imports. */
  maxLoadTime: durationSchema.default('120s'),
  /** Worst and best score that the function returns; verdicts scale this range to 0 … 1. */
  scores: z
    .tuple([z.number(), z.number()])
    .refine(([worst, best]) => worst < best, { error: 'expected the worst score, then a higher best one' })
    .default([0, 1]),
  /** Minimum score for `correct`. Default: `acc` in a returned dict decides, or else only the best score is correct. */
  correctFrom: z.number().optional(),
});
type PythonFunctionConfig = z.output<typeof pythonFunctionConfig>;

/**
 * Creates the recipe entry for a reward function written for verl or TRL.
 *
 * @example
 * pythonVerifier({ file: './reward.py', function: 'compute_score', scores: [-1, 1] });
 */
export const pythonVerifier = noun(pythonFunctionConfig);

/**
 * Loads the file once to check it, and judges with that content. The version contains a hash of the file, of its local
 * imports and of the settings. It does not contain the interpreter and packages, because an upgrade would invalidate
 * every measured pass rate; `environment()` lists them. The file is trusted: it runs with all permissions of the user.
 *
 * @throws ConfigError if the function cannot be loaded or does not follow a known convention.
 */
export function openPythonFunction(config: PythonFunctionConfig, baseDir: string): Verifier {
  const spec = {
    file: resolve(baseDir, config.file),
    function: config.function,
    python: /[\\/]/.test(config.python) ? resolve(baseDir, config.python) : config.python,
    maxLoadMs: durationMs(config.maxLoadTime),
  };
  const loaded = loadFunction(spec);
  const convention = settleConvention(config, spec.file, loaded);
  const name = basename(spec.file, extname(spec.file));
  const version = versionOf(config, convention, hashSources(loaded));
  const given = (problem: Problem, completion: string): Arguments =>
    argumentsFor(convention, loaded, config.options, problem, completion);
  const processes = createPool({
    name: 'the verifier',
    size: config.workers,
    open: () => new FunctionProcess({ ...spec, ...loaded, maxMs: durationMs(config.maxTime) }),
  });
  return {
    name,
    version,
    check: (problem) => void given(problem, ''),
    verify: async (problem, completion, signal) => {
      const call = given(problem, completion);
      const said = await processes.use((process) => process.call(call, signal), signal);
      return { ...findingOf(said, config), verifier: `${name}@${version}` };
    },
    environment: async () => ({
      python: loaded.version,
      interpreter: loaded.interpreter,
      convention,
      files: Object.keys(loaded.sources).map((path) => relative(dirname(loaded.file), path)),
    }),
    [Symbol.asyncDispose]: () => processes[Symbol.asyncDispose](),
  };
}

/** Determines the calling convention. @throws ConfigError if the parameters match none, or if an option is unknown. */
function settleConvention(config: PythonFunctionConfig, file: string, loaded: LoadedFunction): Convention {
  const names = loaded.parameters.map(({ name }) => name);
  const takes = `${config.function}(${[...names, ...(loaded.takesAny ? ['**…'] : [])].join(', ')})`;
  const convention = config.convention === 'auto' ? conventionOf(loaded) : config.convention;
  if (convention === undefined) {
    const known = conventions.map((one) => `"${completionParameters[one]}" (${one})`).join(', ');
    throw new ConfigError(`${file}: expected a parameter ${known}, got ${takes}`, {
      tryNext: "set the convention, e.g. pythonVerifier({ file, convention: 'verl' })",
    });
  }
  const stray = Object.keys(config.options).find((option) => !loaded.takesAny && !names.includes(option));
  if (stray === undefined) return convention;
  throw new ConfigError(`${file}: expected "options" that ${takes} has parameters for, got "${stray}"`);
}

function versionOf(config: PythonFunctionConfig, convention: Convention, hash: string): string {
  const { options, scores, correctFrom } = config;
  const settings = [config.function, convention, options, scores, correctFrom ?? null];
  return `1-${hash}-${hashKey(JSON.stringify(settings)).toString(36)}`;
}
