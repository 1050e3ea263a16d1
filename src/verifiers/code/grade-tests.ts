import type { ProblemTests } from '../../core/problem.ts';
import type { PythonSandbox } from '../../sandbox/python/python-sandbox.ts';
import type { JudgedOutcome, JudgeTests } from '../../sandbox/python/run-judge.ts';
import type { SandboxLimits } from '../../sandbox/sandbox.ts';
import { runChecker } from './checker.ts';
import { samePrinted } from './printed-output.ts';
import { sampleTests } from './test-sample.ts';

/** The result of one test; strings are truncated for the record. */
export interface TestResult {
  readonly status: 'passed' | 'wrong' | 'failed' | 'timeout' | 'out-of-memory' | 'overflow';
  readonly input?: string;
  readonly expected?: string;
  readonly got?: string;
  readonly error?: string;
}

/** The results of a program: one for each test that ran, out of `total`, or why the program cannot be graded. */
export type GradedTests =
  | { readonly status: 'graded'; readonly total: number; readonly results: readonly TestResult[] }
  | { readonly status: 'ungradable'; readonly error: string };

/** Options for running tests. */
export interface Grading {
  readonly problemId: string;
  readonly limits: SandboxLimits;
  readonly maxTests: number;
  /** Skips all tests after the first one that did not pass. */
  readonly stopAtFailure: boolean;
  readonly signal?: AbortSignal;
}

/** Runs a program against (a sample of) its tests. */
export async function gradeTests(
  sandbox: PythonSandbox,
  program: string,
  tests: ProblemTests,
  grading: Grading,
): Promise<GradedTests> {
  if (tests.type === 'stdio') return gradePrinted(sandbox, program, tests, grading);
  const judged = judgeTests(tests, grading);
  const outcome = await sandbox.judge(program, judged.tests, grading.limits, grading.signal);
  return gradedOf(outcome, judged.total);
}

function judgeTests(
  tests: Exclude<ProblemTests, { type: 'stdio' }>,
  { problemId, maxTests, stopAtFailure }: Grading,
): { tests: JudgeTests; total: number } {
  const { entryPoint } = tests;
  if (tests.type === 'asserts') {
    const sample = sampleTests(problemId, tests.tests, maxTests);
    return {
      tests: { type: 'tests', setup: tests.setup, entryPoint, tests: sample, stopAtFailure },
      total: sample.length,
    };
  }
  const cases = sampleTests(problemId, tests.cases, maxTests).map((one) => ({
    arguments: one.arguments,
    accepted: [one.expected, ...(one.alsoAccepted ?? [])],
    ...(tests.tolerance ? { tolerance: tests.tolerance } : {}),
  }));
  return { tests: { type: 'cases', entryPoint, cases, stopAtFailure }, total: cases.length };
}

function gradedOf(outcome: JudgedOutcome, total: number): GradedTests {
  if (outcome.status === 'infrastructure') return { status: 'ungradable', error: outcome.error };
  if (outcome.status === 'not-loaded') {
    return { status: 'graded', total, results: [{ status: outcome.cause, error: outcome.error }] };
  }
  const results = outcome.outcomes.map((one): TestResult =>
    one.status === 'failed' ? { status: 'failed', error: brief(one.error) } : { status: one.status },
  );
  return { status: 'graded', total, results };
}

/** Number of timeouts after which the remaining tests are skipped: dozens of full time limits add no information. */
const maxTimeouts = 3;

type PrintedTests = Extract<ProblemTests, { type: 'stdio' }>;

async function gradePrinted(
  sandbox: PythonSandbox,
  program: string,
  tests: PrintedTests,
  grading: Grading,
): Promise<GradedTests> {
  const cases = sampleTests(grading.problemId, tests.cases, grading.maxTests);
  const results: TestResult[] = [];
  for (const { input, output } of cases) {
    const result = await gradeCase(sandbox, program, tests, input, output, grading);
    if (typeof result === 'string') return { status: 'ungradable', error: result };
    results.push(result);
    if (grading.stopAtFailure && result.status !== 'passed') break;
    if (results.filter(({ status }) => status === 'timeout').length >= maxTimeouts) break;
  }
  return { status: 'graded', total: cases.length, results };
}

async function gradeCase(
  sandbox: PythonSandbox,
  program: string,
  tests: PrintedTests,
  input: string,
  output: string,
  { limits, signal }: Grading,
): Promise<TestResult | string> {
  const outcome = await sandbox.run({ type: 'stdio', source: program, inputs: [input] }, limits, signal);
  if (outcome.status === 'infrastructure') return outcome.error;
  const result =
    outcome.status === 'ran' ? outcome.results[0]! : { status: outcome.cause, error: outcome.error };
  const facts = { input: brief(input), expected: brief(output) };
  if (result.status === 'returned') return 'a script cannot return a value';
  if (result.status !== 'printed') {
    return { status: result.status, ...facts, ...('error' in result ? { error: brief(result.error) } : {}) };
  }
  const right =
    tests.checker === undefined
      ? samePrinted(result.stdout, output, tests)
      : await runChecker(sandbox, tests.checker, { input, output, printed: result.stdout }, limits, signal);
  if (typeof right === 'string') return right;
  return { status: right ? 'passed' : 'wrong', ...facts, got: brief(result.stdout) };
}

const briefLength = 300;

function brief(text: string): string {
  return text.length <= briefLength ? text : `${text.slice(0, briefLength)}… (${text.length} characters)`;
}
