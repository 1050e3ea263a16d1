import * as z from 'zod';
import { SandboxError } from '../../core/errors.ts';
import type { SandboxLimits } from '../sandbox.ts';
import type { LanePool } from './lane-pool.ts';
import type { LaneReply } from './lane.ts';
import { failureOf, isCpuSignal, outputBytes, stallOf } from './outcomes.ts';

/** The tests that the judge's process runs against the program. */
export type JudgeTests =
  /**
   * Runs each string in `tests` as Python after `setup`; a test that raises fails. `entryPoint` is always the
   * program's, even if `setup` defines it.
   */
  | {
      readonly type: 'tests';
      readonly setup: string;
      readonly entryPoint?: string;
      readonly tests: readonly string[];
      readonly stopAtFailure?: boolean;
    }
  /**
   * Calls `entryPoint` (or the method with that name of a class `Solution`); the result must equal one of `accepted`.
   */
  | {
      readonly type: 'cases';
      readonly entryPoint: string;
      readonly cases: readonly JudgeCase[];
      readonly stopAtFailure?: boolean;
    }
  /** Calls `entryPoint` and reports the returned values. */
  | { readonly type: 'calls'; readonly entryPoint: string; readonly calls: readonly (readonly unknown[])[] };

/** One call and its correct results, as JSON. */
export interface JudgeCase {
  readonly arguments: readonly unknown[];
  readonly accepted: readonly unknown[];
  readonly tolerance?: { readonly absolute: number; readonly relative: number } | undefined;
}

/** The outcome of one test. `value` is what a call returned, in the tagged form of values.py. */
export type TestOutcome =
  | { readonly status: 'passed'; readonly value?: unknown }
  | { readonly status: 'failed'; readonly error: string }
  | { readonly status: 'timeout' | 'out-of-memory' };

/** The outcome of a program's tests. */
export type JudgedOutcome =
  /** One outcome per test, in order; with `stopAtFailure`, only up to the first failure. */
  | { readonly status: 'judged'; readonly outcomes: readonly TestOutcome[] }
  | {
      readonly status: 'not-loaded';
      readonly cause: 'failed' | 'timeout' | 'out-of-memory';
      readonly error: string;
    }
  | { readonly status: 'infrastructure'; readonly error: string };

const outcomeSchema = z.object({
  status: z.enum(['passed', 'failed', 'ended', 'timeout', 'stalled', 'broken']),
  error: z.string().default(''),
  value: z.object({ packed: z.unknown() }).optional(),
});

const resultSchema = z.object({
  loaded: z.boolean(),
  outcomes: z.array(outcomeSchema),
  stopped: outcomeSchema.optional(),
});

/** Runs tests once. Throws a `SandboxError` if the lane breaks. */
export async function runJudged(
  pool: LanePool,
  source: string,
  tests: JudgeTests,
  limits: SandboxLimits,
  wallMs: number,
  signal?: AbortSignal,
): Promise<JudgedOutcome> {
  const count = countOf(tests);
  const cpuMs = limits.maxCpuMs;
  const reply = await pool.run(
    {
      memoryBytes: limits.maxMemoryBytes,
      outputBytes: outputBytes(limits),
      cpuSeconds: Math.ceil((cpuMs * (count + 1)) / 1000) + 1,
      wallMs: Math.min(wallMs * (count + 1) + 5000, 600_000),
      program: { source },
      judge: { ...tests, cpuMs, wallMs },
    },
    signal,
  );
  return interpret(reply, count);
}

function countOf(tests: JudgeTests): number {
  if (tests.type === 'tests') return tests.tests.length;
  return tests.type === 'cases' ? tests.cases.length : tests.calls.length;
}

function interpret(reply: LaneReply, count: number): JudgedOutcome {
  const judge = reply.judge;
  if (!judge) throw new SandboxError('the fork server did not run the judge');
  // The judge used up its CPU time on the data that the program sent; a correct answer never costs that much.
  if (isCpuSignal(judge)) return { status: 'judged', outcomes: fill([], count, { status: 'timeout' }) };
  if (judge.ended === 'killed') return { status: 'infrastructure', error: 'the tests did not end in time' };
  if (judge.stdout.length === 0) {
    return {
      status: 'infrastructure',
      error: `the judge ended early: ${judge.stderr.toString().slice(-300)}`,
    };
  }
  const result = resultSchema.parse(JSON.parse(judge.stdout.toString()));
  const outcomes = result.outcomes.map((one): TestOutcome =>
    one.status === 'passed'
      ? { status: 'passed', ...(one.value ? { value: one.value.packed } : {}) }
      : { status: 'failed', error: one.error },
  );
  if (!result.stopped) return { status: 'judged', outcomes };
  if (result.stopped.status === 'broken') return { status: 'infrastructure', error: result.stopped.error };
  if (result.stopped.status === 'stalled' && stallOf(reply.program) === 'starved') {
    return { status: 'infrastructure', error: 'the machine did not run the program in time' };
  }
  const cause = causeOf(result.stopped, reply.program);
  if (result.loaded) return { status: 'judged', outcomes: fill(outcomes, count, cause) };
  if (cause.status === 'passed') throw new SandboxError('a program that did not load cannot have passed');
  return {
    status: 'not-loaded',
    cause: cause.status,
    error: cause.status === 'failed' ? cause.error : cause.status,
  };
}

/** Returns the outcome that explains why no further test could run. */
function causeOf(stopped: z.infer<typeof outcomeSchema>, program: LaneReply['program']): TestOutcome {
  if (stopped.status === 'timeout' || stopped.status === 'stalled' || isCpuSignal(program))
    return { status: 'timeout' };
  if (/^MemoryError\b/.test(stopped.error)) return { status: 'out-of-memory' };
  if (stopped.status !== 'ended') return { status: 'failed', error: stopped.error };
  const failure = failureOf(program);
  return failure.status === 'out-of-memory'
    ? { status: 'out-of-memory' }
    : { status: 'failed', error: failure.status === 'failed' ? failure.error : stopped.error };
}

function fill(outcomes: readonly TestOutcome[], count: number, rest: TestOutcome): TestOutcome[] {
  return [...outcomes, ...Array.from({ length: count - outcomes.length }, () => rest)];
}
