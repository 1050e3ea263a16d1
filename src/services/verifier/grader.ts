import * as z from 'zod';
import { GradusError } from '../../core/errors.ts';
import type { Problem } from '../../core/problem.ts';
import type { Verdict } from '../../core/verdict.ts';
import { readTests } from '../../problems/shapes/tests/read-problem.ts';
import { code } from '../../verifiers/code/code.ts';
import { openVerifier, type VerifierConfig, verifierConfig } from '../../verifiers/config.ts';
import { javascriptTests } from '../../verifiers/javascript-tests.ts';
import { mathAnswer } from '../../verifiers/math/verifier.ts';
import { type Verifier, verifierLabel } from '../../verifiers/verifier.ts';

/**
 * An item to judge, as in case files and requests to the service. It contains an answer and its gold, or a program (or
 * an entire completion) and its problem in any format that `readTests` reads.
 */
const item = z.looseObject({
  /** Name of the verifier; default: `code` for an item with a `problem`, else `math`. */
  verifier: z.string().optional(),
  gold: z.union([z.string(), z.number(), z.bigint()]).nullish(),
  problem: z.record(z.string(), z.unknown()).optional(),
  pred: z.string().nullish(),
  program: z.string().nullish(),
  completion: z.string().nullish(),
});
type Item = z.output<typeof item>;

/** Judges items with opened verifiers. */
export interface Grader extends AsyncDisposable {
  /** Labels of the verifiers, by the names that items use. */
  readonly verifiers: Readonly<Record<string, string>>;
  /**
   * Judges one item. Does not throw if the item is invalid; the verdict is then `ungradable`, with the reason.
   *
   * @param where position of the item, such as file:row, for use in reasons.
   */
  grade(item: unknown, where: string, signal?: AbortSignal): Promise<Verdict>;
}

/** Returns the configs of the verifiers `math`, `code` (Python programs) and `javascript`. */
export const defaultVerifiers = (): Readonly<Record<string, z.input<typeof verifierConfig>>> => ({
  math: mathAnswer(),
  code: code(),
  javascript: javascriptTests({ score: 'all' }),
});

/** Opens verifiers by name. Each starts its sandbox when its first item arrives. */
export function openGrader(
  configs: Readonly<Record<string, z.input<typeof verifierConfig>>> = defaultVerifiers(),
  baseDir = '.',
): Grader {
  const open = new Map(
    Object.entries(configs).map(([name, given]) => {
      const config = verifierConfig.parse(given);
      return [name, { verifier: openVerifier(config, baseDir), needsTests: needsTests(config) }];
    }),
  );
  return {
    verifiers: Object.fromEntries(
      Array.from(open, ([name, { verifier }]) => [name, verifierLabel(verifier)]),
    ),
    grade: async (given, where, signal) => {
      const read = item.safeParse(given);
      if (!read.success) return ungradable(`${where}: ${z.prettifyError(read.error)}`);
      const name = read.data.verifier ?? (read.data.problem === undefined ? 'math' : 'code');
      try {
        return await judge(read.data, name, where, open, signal);
      } catch (error) {
        signal?.throwIfAborted();
        if (!GradusError.isInstance(error) || error.name === 'SandboxError') throw error;
        return ungradable(error.message);
      }
    },
    [Symbol.asyncDispose]: async () => {
      await Promise.all(Array.from(open.values(), ({ verifier }) => verifier[Symbol.asyncDispose]()));
    },
  };
}

interface OpenVerifier {
  readonly verifier: Verifier;
  /** Whether the verifier judges programs with the tests of a problem. */
  readonly needsTests: boolean;
}

function needsTests(config: VerifierConfig): boolean {
  if (config.type === 'composite') return config.parts.some((part) => needsTests(part.verifier));
  return config.type === 'code' || config.type === 'javascript-tests';
}

async function judge(
  given: Item,
  name: string,
  where: string,
  open: ReadonlyMap<string, OpenVerifier>,
  signal: AbortSignal | undefined,
): Promise<Verdict> {
  const named = open.get(name);
  if (named === undefined)
    return ungradable(`${where}: expected a verifier among ${[...open.keys()].join(', ')}, got "${name}"`);
  const problem = problemOf(given, name, where, named.needsTests || name === 'code');
  const isJavascript = name === 'code' && problem.tests?.language === 'javascript';
  const { verifier } = (isJavascript ? open.get('javascript') : undefined) ?? named;
  return verifier.verify(problem, given.completion ?? given.program ?? given.pred ?? '', signal);
}

function problemOf(
  { gold, problem: row = {} }: Item,
  domain: string,
  where: string,
  hasTests: boolean,
): Problem {
  const { answer = row['gold'], extra, id } = row;
  const right = gold ?? answer;
  const isAnswer = ['string', 'number', 'bigint'].includes(typeof right);
  return {
    id: typeof id === 'string' ? id : where,
    domain,
    prompt: [],
    source: where,
    ...(isAnswer && { answer: String(right) }),
    ...(typeof extra === 'object' && extra !== null && { extra: extra as Record<string, unknown> }),
    ...(hasTests && { tests: readTests(row, where) }),
  };
}

const ungradable = (reason: string): Verdict => ({
  outcome: 'ungradable',
  score: 0,
  reason,
  verifier: 'none',
});

/**
 * Judges many items concurrently and yields the verdicts in the order of the items.
 *
 * @param width maximum number of items judged at once.
 */
export async function* gradeInOrder(
  grader: Grader,
  items: Iterable<readonly [item: unknown, where: string]>,
  width: number,
  signal?: AbortSignal,
): AsyncGenerator<Verdict> {
  const running: Promise<Verdict>[] = [];
  for (const [given, where] of items) {
    const verdict = grader.grade(given, where, signal);
    // The verdict is awaited below; until then, a rejection must not count as unhandled.
    verdict.catch(() => {});
    running.push(verdict);
    if (running.length >= width) yield await running.shift()!;
  }
  for (const verdict of running) yield await verdict;
}
