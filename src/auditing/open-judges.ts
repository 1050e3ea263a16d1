import { DataError, GradusError } from '../core/errors.ts';
import type { Problem } from '../core/problem.ts';
import type { Verdict } from '../core/verdict.ts';
import { loadById } from '../problems/load-problems.ts';
import { readRunRecipe } from '../recipe/read-run-recipe.ts';
import type { Recipe } from '../recipe/recipe.ts';
import { requireTrust, type TrustOptions } from '../recipe/trust.ts';
import { commitsOf, readDataFile } from '../runs/files/data-file.ts';
import type { RolloutRow } from '../runs/files/rollout-row.ts';
import { openVerifier, verifierConfig } from '../verifiers/config.ts';
import { mathAnswer } from '../verifiers/math/verifier.ts';
import { openVerifiers } from '../verifiers/open-verifiers.ts';
import { type Verifier, verifierLabel } from '../verifiers/verifier.ts';

/** Options for judging stored rollouts. */
export interface JudgingOptions extends TrustOptions {
  /** Source of verifiers and problems. Default: the run's recipe; for a Parquet file, the default math verifier. */
  readonly recipe?: Recipe | undefined;
}

type ProblemColumns = Pick<RolloutRow, 'problem_id' | 'domain' | 'answer'>;

/** Verifiers and problems for judging stored rollouts. */
export interface Judges {
  readonly problemOf: (row: ProblemColumns) => Problem;
  readonly verifierFor: (problem: Problem) => Verifier;
}

/** Opens the verifiers for stored rollouts and loads the problems. Disposing `opened` closes the verifiers. */
export async function openJudges(
  path: string,
  isRun: boolean,
  options: JudgingOptions,
  opened: AsyncDisposableStack,
): Promise<Judges> {
  const own = options.recipe === undefined && isRun ? await readRunRecipe(path) : undefined;
  if (own !== undefined) await requireTrust(path, own, ['problems', 'verifiers'], options);
  const recipe = options.recipe ?? own?.recipe;
  const problems =
    recipe === undefined
      ? new Map<string, Problem>()
      : await loadById(recipe, { commits: commitsOf(await readDataFile(path)) });
  return {
    problemOf: (row) => problems.get(row.problem_id) ?? problemOfRow(row, path),
    verifierFor: recipe === undefined ? mathOnly(opened) : openVerifiers(recipe, opened),
  };
}

/** Rebuilds the problem of a stored rollout from its row, which has no prompt and no tests. */
const problemOfRow = ({ problem_id: id, domain, answer }: ProblemColumns, source: string): Problem => ({
  id,
  domain,
  prompt: [],
  source,
  ...(answer !== null && { answer }),
});

function mathOnly(opened: AsyncDisposableStack): (problem: Problem) => Verifier {
  const math = opened.use(openVerifier(verifierConfig.parse(mathAnswer())));
  return ({ domain }) => {
    if (domain === 'math') return math;
    throw new DataError(`domain ${domain}: expected a recipe with its verifier and tests, got none`);
  };
}

/** Returns the verdict, or the reason why the text could not be judged. */
export async function judgeText(
  text: string,
  problem: Problem,
  verifierFor: (problem: Problem) => Verifier,
  signal: AbortSignal | undefined,
): Promise<Verdict | string> {
  try {
    const verifier = verifierFor(problem);
    return await verifier.verify(problem, text, signal).catch((error: unknown) => {
      if (!(error instanceof DataError)) throw error;
      const verdict = { outcome: 'ungradable', score: 0, reason: error.message } as const;
      return { ...verdict, verifier: verifierLabel(verifier) };
    });
  } catch (error) {
    signal?.throwIfAborted();
    if (GradusError.isInstance(error) && error.name === 'DataError') return error.message;
    throw error;
  }
}
