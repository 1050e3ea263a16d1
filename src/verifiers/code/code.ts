import * as z from 'zod';
import { durationMs, durationSchema } from '../../core/text/duration.ts';
import { DataError } from '../../core/errors.ts';
import type { Problem, ProblemTests } from '../../core/problem.ts';
import { hashKey } from '../../core/rng.ts';
import type { Verdict } from '../../core/verdict.ts';
import { noun } from '../../core/config-builder.ts';
import {
  openPythonSandbox,
  pythonSandbox,
  pythonSandboxConfig,
  type PythonSandbox,
  type SandboxChoice,
} from '../../sandbox/python/python-sandbox.ts';
import type { SandboxLimits } from '../../sandbox/sandbox.ts';
import type { Verifier } from '../verifier.ts';
import { gradeTests } from './grade-tests.ts';
import { completeProgram, extractProgram } from './program.ts';
import { scoreRule, verdictOf } from './test-verdict.ts';

/**
 * Settings of the verifier that judges Python programs by tests. A problem's own limits and tolerance take precedence.
 */
export const codeConfig = z.strictObject({
  type: z.literal('code'),
  sandbox: pythonSandboxConfig.default(() => pythonSandboxConfig.parse(pythonSandbox())),
  score: scoreRule.default('all'),
  /** Maximum number of tests per problem. If there are more, a sample is used that depends only on the problem. */
  maxTests: z.int().min(1).default(64),
  /** CPU time for each test. */
  maxCpu: durationSchema.default('4s'),
  maxMemoryMiB: z.int().min(64).max(65_536).default(512),
  maxOutputCharacters: z
    .int()
    .min(1024)
    .default(1 << 20),
});

/** Creates the recipe entry for the verifier that judges Python programs by tests; see `codeConfig`. */
export const code = noun(codeConfig);

/** A `code` verifier and its sandbox. */
export interface CodeVerifier extends Verifier {
  /**
   * Opens the sandbox unless it is already open; returns its kind, which is recorded in the run.
   *
   * @throws SandboxError if no Python sandbox works on this machine.
   */
  environment(): Promise<SandboxChoice>;
}

/**
 * Opens the verifier for Python programs. The sandbox starts at the first verdict or call of `environment()`.
 *
 * @example
 * await using verifier = openCode(code({ score: 'fraction' }));
 */
export function openCode(config: z.input<typeof codeConfig>): CodeVerifier {
  const settings = codeConfig.parse(config);
  const name = 'code';
  const version = versionOf(settings);
  let opening: Promise<PythonSandbox> | undefined;
  const open = (): Promise<PythonSandbox> => (opening ??= openPythonSandbox(settings.sandbox));
  const stamp = (verdict: Omit<Verdict, 'verifier'>): Verdict => ({
    ...verdict,
    verifier: `${name}@${version}`,
  });
  return {
    name,
    version,
    environment: async () => (await open()).choice,
    check: (problem) => void testsOf(problem),
    verify: async (problem, completion, signal) => {
      const tests = testsOf(problem);
      const program = extractProgram(completion);
      if (program === null)
        return stamp({ outcome: 'unparsed', score: 0, reason: 'no program in the completion' });
      const graded = await gradeTests(await open(), completeProgram(program, tests), tests, {
        problemId: problem.id,
        limits: limitsOf(tests, settings),
        maxTests: settings.maxTests,
        stopAtFailure: settings.score === 'all',
        ...(signal ? { signal } : {}),
      });
      return stamp(verdictOf(graded, settings.score));
    },
    [Symbol.asyncDispose]: async () => {
      const sandbox = await opening?.catch(() => undefined);
      await sandbox?.[Symbol.asyncDispose]();
    },
  };
}

/** Returns a version that changes with every setting that can change a verdict, and with the code that judges. */
function versionOf({
  score,
  maxTests,
  maxCpu,
  maxMemoryMiB,
  maxOutputCharacters,
  sandbox: { packages },
}: z.output<typeof codeConfig>): string {
  const rule = [typeof score === 'string' ? score : `threshold-${score.threshold}`, ...packages].join('-');
  return `3-${rule}-${hashKey(maxTests, maxCpu, maxMemoryMiB, maxOutputCharacters).toString(16)}`;
}

/** Returns the problem's tests. Throws a `DataError` if they could not judge any program. */
function testsOf(problem: Problem): ProblemTests {
  const { tests, id } = problem;
  if (tests === undefined) throw new DataError(`problem ${id}: expected tests for a program, got none`);
  if (tests.language !== 'python') {
    throw new DataError(
      `problem ${id}: expected tests in python, got ${tests.language}; use the verifier for that language`,
    );
  }
  if ((tests.type === 'asserts' ? tests.tests : tests.cases).length === 0) {
    throw new DataError(`problem ${id}: expected at least one test, got none`);
  }
  return tests;
}

function limitsOf(tests: ProblemTests, settings: z.output<typeof codeConfig>): SandboxLimits {
  return {
    maxCpuMs: tests.maxCpuMs ?? durationMs(settings.maxCpu),
    maxMemoryBytes: tests.maxMemoryBytes ?? settings.maxMemoryMiB * 2 ** 20,
    maxOutputCharacters: settings.maxOutputCharacters,
  };
}
