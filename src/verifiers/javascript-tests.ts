import * as z from 'zod';
import { durationMs, durationSchema } from '../core/text/duration.ts';
import { DataError } from '../core/errors.ts';
import { createPool } from '../core/async/pool.ts';
import type { Problem, ProblemTests } from '../core/problem.ts';
import type { Verdict } from '../core/verdict.ts';
import { noun } from '../core/config-builder.ts';
import { openQuickjsSandbox } from '../sandbox/quickjs.ts';
import type { CallResult, SandboxLimits, SandboxOutcome } from '../sandbox/sandbox.ts';
import { lastProgram } from './answers/extract-answer.ts';
import type { Verifier } from './verifier.ts';

/** Judges a JavaScript function by running it on the problem's tests. */
export const javascriptTestsConfig = z.strictObject({
  type: z.literal('javascript-tests'),
  /** `fraction`: the share of tests passed; `all`: 1 if all tests pass, else 0. */
  score: z.enum(['fraction', 'all']).default('fraction'),
  /** Time limit for loading, and for each test. */
  maxCpu: durationSchema.default('100ms'),
  maxMemoryMiB: z.int().min(1).max(1024).default(32),
  /** Number of programs judged in parallel, each in its own thread. */
  lanes: z.int().min(1).max(64).default(1),
});
type JavascriptTestsConfig = z.infer<typeof javascriptTestsConfig>;

/** Creates the recipe entry for the verifier that judges JavaScript functions by tests. */
export const javascriptTests = noun(javascriptTestsConfig);

type FunctionTests = Extract<ProblemTests, { type: 'function' }>;

const name = 'javascript-tests';
const maxOutputCharacters = 100_000;

/** Opens a verifier with its own sandboxes; completions wait until a sandbox is free. */
export function openJavascriptTests(config: JavascriptTestsConfig): Verifier {
  const pool = createPool({ name: 'the JavaScript sandbox', size: config.lanes, open: openQuickjsSandbox });
  const version = `2-${config.score}`;
  return {
    name,
    version,
    check: (problem) => void testsOf(problem),
    async verify(problem, completion, signal) {
      const tests = testsOf(problem);
      const { text, start, end } = lastProgram(completion, ['js', 'javascript']);
      const program = {
        type: 'function',
        source: tests.preamble === undefined ? text : `${tests.preamble}\n${text}`,
        entryPoint: tests.entryPoint,
        calls: tests.cases.map((one) => one.arguments),
      } as const;
      const limits = limitsOf(config, tests);
      const judged =
        text.trim() === ''
          ? nothingWritten
          : judge(
              await pool.use((sandbox) => sandbox.run(program, limits, signal), signal),
              tests,
              config.score,
            );
      const evidence = { ...judged.evidence, span: [start, end] };
      return { ...judged, verifier: `${name}@${version}`, evidence };
    },
    [Symbol.asyncDispose]: () => pool[Symbol.asyncDispose](),
  };
}

function limitsOf(config: JavascriptTestsConfig, tests: FunctionTests): SandboxLimits {
  return {
    maxCpuMs: tests.maxCpuMs ?? durationMs(config.maxCpu),
    maxMemoryBytes: tests.maxMemoryBytes ?? config.maxMemoryMiB * 1024 * 1024,
    maxOutputCharacters,
  };
}

type UnsignedVerdict = Omit<Verdict, 'verifier'>;

const nothingWritten: UnsignedVerdict = { outcome: 'unparsed', score: 0, reason: 'no program was written' };

function judge(outcome: SandboxOutcome, tests: FunctionTests, score: 'fraction' | 'all'): UnsignedVerdict {
  switch (outcome.status) {
    case 'infrastructure':
      return { outcome: 'ungradable', score: 0, reason: outcome.error };
    case 'not-loaded': {
      const kinds = { failed: 'unparsed', timeout: 'timeout', 'out-of-memory': 'incorrect' } as const;
      const reason = `the program did not load: ${outcome.error}`;
      return { outcome: kinds[outcome.cause], score: 0, reason, evidence: { cause: outcome.cause } };
    }
    case 'ran':
      return judgeResults(outcome.results, tests, score);
  }
}

function judgeResults(
  results: readonly CallResult[],
  { cases, tolerance, entryPoint }: FunctionTests,
  score: 'fraction' | 'all',
): UnsignedVerdict {
  const takesBigints = holdsBigint(cases);
  const rows = cases.map((one, i) => {
    const result = results[i]!;
    return {
      ...(withoutBigints(one) as typeof one),
      got: shownResult(result),
      status: result.status,
      passed: isRight(result, one, tolerance, takesBigints),
    };
  });
  const failed = rows.filter((row) => !row.passed);
  const passed = rows.length - failed.length;
  const evidence = { tests: rows };
  const [first] = failed;
  if (first === undefined)
    return { outcome: 'correct', score: 1, reason: `passes all ${passed} tests`, evidence };
  const { arguments: given, expected } = cases[rows.indexOf(first)]!;
  const call = `${entryPoint}(${given.map((value) => shown(value)).join(', ')})`;
  return {
    outcome: failed.some(({ status }) => status === 'timeout') ? 'timeout' : 'incorrect',
    score: score === 'fraction' ? passed / rows.length : 0,
    reason: `${passed} of ${rows.length} tests pass; ${call}: expected ${shown(expected)}, got ${first.got}`,
    evidence,
  };
}

function isRight(
  result: CallResult,
  one: FunctionTests['cases'][number],
  tolerance: Tolerance,
  takesBigints: boolean,
): boolean {
  if (result.status !== 'returned') return false;
  const value = takesBigints ? withSmallNumbers(result.value) : result.value;
  return [one.expected, ...(one.alsoAccepted ?? [])].some((right) => sameValue(value, right, tolerance));
}

type Tolerance = ProblemTests['tolerance'];

/**
 * Returns whether two values of plain data are deeply equal, with a tolerance for numbers; 0 equals -0, and NaN equals
 * NaN.
 */
function sameValue(value: unknown, right: unknown, tolerance: Tolerance): boolean {
  if (typeof value === 'number' && typeof right === 'number') {
    if (value === right || (Number.isNaN(value) && Number.isNaN(right))) return true;
    const allowed = tolerance === undefined ? 0 : tolerance.absolute + tolerance.relative * Math.abs(right);
    return Math.abs(value - right) <= allowed;
  }
  if (typeof value !== 'object' || typeof right !== 'object' || value === null || right === null)
    return value === right;
  if (Array.isArray(value) !== Array.isArray(right)) return false;
  const rights = new Map<string, unknown>(Object.entries(right));
  const values = Object.entries(value);
  return (
    values.length === rights.size &&
    values.every(([key, item]) => rights.has(key) && sameValue(item, rights.get(key), tolerance))
  );
}

function shownResult(result: CallResult): string {
  if (result.status === 'returned') return shown(result.value);
  return result.status === 'failed' ? result.error : result.status;
}

/** Replaces each bigint inside a value. */
function mapBigints(value: unknown, replace: (big: bigint) => unknown): unknown {
  if (typeof value === 'bigint') return replace(value);
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map((item) => mapBigints(item, replace));
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, mapBigints(item, replace)]));
}

/** Converts a value to evidence, which is written as JSON. */
const withoutBigints = (value: unknown): unknown => mapBigints(value, (big) => `${big}n`);

/** Converts small bigints in a result to numbers, because a function that is given bigints also returns bigints. */
const withSmallNumbers = (value: unknown): unknown =>
  mapBigints(value, (big) => (Number.isSafeInteger(Number(big)) ? Number(big) : big));

function holdsBigint(value: unknown): boolean {
  if (typeof value === 'bigint') return true;
  return typeof value === 'object' && value !== null && Object.values(value).some(holdsBigint);
}

/** Formats a value as a short string for a message. */
function shown(value: unknown): string {
  const plain = (_: string, item: unknown): unknown =>
    typeof item === 'bigint'
      ? `${item}n`
      : typeof item === 'number' && !Number.isFinite(item)
        ? String(item)
        : item;
  return (JSON.stringify(value, plain) ?? 'undefined').slice(0, 200);
}

function testsOf(problem: Problem): FunctionTests {
  const { tests } = problem;
  if (tests?.type === 'function' && tests.language === 'javascript' && tests.cases.length > 0) return tests;
  const got = tests === undefined ? 'no tests' : `tests of type ${tests.type} in ${tests.language}`;
  throw new DataError(
    `problem ${problem.id} (${problem.source}): expected at least one test of type function in javascript, got ${got}`,
  );
}
