import * as z from 'zod';
import { GradusError } from '../../core/errors.ts';
import type { Problem } from '../../core/problem.ts';
import type { Verdict } from '../../core/verdict.ts';
import { readTests } from '../../problems/shapes/tests/read-problem.ts';
import { code } from '../../verifiers/code/code.ts';
import { openVerifier, verifierConfig } from '../../verifiers/config.ts';
import { javascriptTests } from '../../verifiers/javascript-tests.ts';
import { mathAnswer } from '../../verifiers/math/verifier.ts';
import { type Verifier, verifierLabel } from '../../verifiers/verifier.ts';

/**
 * Something to judge, as files of cases and requests to the service write it: an answer beside its gold, or a program (or
 * a whole completion) beside its problem in any of the formats that `readCodeProblem` knows.
 */
const item = z.looseObject({
  /** Which verifier; default: `code` where there is a `problem`, else `math`. */
  verifier: z.string().optional(),
  gold: z.union([z.string(), z.number()]).nullish(),
  problem: z.record(z.string(), z.unknown()).optional(),
  pred: z.string().nullish(),
  program: z.string().nullish(),
  completion: z.string().nullish(),
});
type Item = z.output<typeof item>;

/** Judges items with the verifiers it was opened with. */
export interface Grader extends AsyncDisposable {
  /** Name under which items ask for a verifier → the verifier's label. */
  readonly verifiers: Readonly<Record<string, string>>;
  /**
   * Never rejects for what an item holds: what cannot be judged is `ungradable`, with the reason.
   *
   * @param where file:row or the like, for reasons.
   */
  grade(item: unknown, where: string, signal?: AbortSignal): Promise<Verdict>;
}

/** Math answers, and programs in Python and JavaScript. */
export const defaultVerifiers = (): Readonly<Record<string, z.input<typeof verifierConfig>>> => ({
  math: mathAnswer(),
  code: code(),
  javascript: javascriptTests({ score: 'all' }),
});

/** Opens the verifiers; each starts what it needs with its first item. */
export function openGrader(
  configs: Readonly<Record<string, z.input<typeof verifierConfig>>> = defaultVerifiers(),
  baseDir = '.',
): Grader {
  const open = new Map(
    Object.entries(configs).map(([name, config]) => [
      name,
      openVerifier(verifierConfig.parse(config), baseDir),
    ]),
  );
  return {
    verifiers: Object.fromEntries(Array.from(open, ([name, verifier]) => [name, verifierLabel(verifier)])),
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
      await Promise.all(Array.from(open.values(), (verifier) => verifier[Symbol.asyncDispose]()));
    },
  };
}

async function judge(
  given: Item,
  name: string,
  where: string,
  open: ReadonlyMap<string, Verifier>,
  signal: AbortSignal | undefined,
): Promise<Verdict> {
  const problem = problemOf(given, name, where);
  const isJavascript = name === 'code' && problem.tests?.language === 'javascript';
  const verifier = (isJavascript ? open.get('javascript') : undefined) ?? open.get(name);
  if (verifier === undefined)
    return ungradable(`${where}: expected a verifier among ${[...open.keys()].join(', ')}, got "${name}"`);
  return verifier.verify(problem, given.completion ?? given.program ?? given.pred ?? '', signal);
}

function problemOf({ gold, problem: row = {} }: Item, domain: string, where: string): Problem {
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
    ...(domain === 'code' && { tests: readTests(row, where) }),
  };
}

const ungradable = (reason: string): Verdict => ({
  outcome: 'ungradable',
  score: 0,
  reason,
  verifier: 'none',
});

/**
 * Judges many items, a few at a time, and yields the verdicts in the items' order.
 *
 * @param width how many may be judged at once.
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
    // It is awaited later; until then a rejection is not forgotten.
    verdict.catch(() => {});
    running.push(verdict);
    if (running.length >= width) yield await running.shift()!;
  }
  for (const verdict of running) yield await verdict;
}
