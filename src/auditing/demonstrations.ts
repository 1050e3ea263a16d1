import { uniformAt, hashKey } from '../core/rng.ts';
import type { Message } from '../core/problem.ts';
import type { RolloutRow } from '../runs/files/rollout-row.ts';
import { findRollouts } from './stored-rollouts.ts';

/**
 * Kinds of demonstrations, after Satori (arXiv 2502.02508):
 *
 * - `I`: a correct attempt as written;
 * - `II`: a correct attempt with the marker inserted before a later step, as if the policy checked its work and found
 *   no error;
 * - `III`: a correct attempt, with a wrong sibling's first differing step and the marker inserted before the right
 *   step.
 */
export const demonstrationTypes = ['I', 'II', 'III'] as const;
export type DemonstrationType = (typeof demonstrationTypes)[number];

/** An example to imitate. */
export interface Demonstration {
  readonly prompt: readonly Message[];
  readonly completion: string;
  readonly problem: string;
  readonly type: DemonstrationType;
}

/** Settings of {@link buildDemonstrations}. */
export interface DemonstrationOptions {
  /** Marker: text that begins a checking or correcting step, such as `<|reflect|>`. */
  readonly mark: string;
  readonly types: readonly DemonstrationType[];
  /** Text between two steps. */
  readonly separator: string;
  readonly seed: number;
}

type Attempt = Pick<RolloutRow, 'problem_id' | 'prompt' | 'text' | 'outcome' | 'finish_reason' | 'messages'>;

/**
 * Builds demonstrations from the stored attempts of a run, the same number of each type. Each problem contributes at
 * most one of each type. Uses only complete attempts with one turn and without the marker. The verifier's verdicts
 * decide which attempts are right. No model judges single steps: the step labelled wrong is the first that differs from
 * the nearest correct sibling.
 *
 * @throws DataError if there are no rollouts at `path`.
 */
export async function buildDemonstrations(
  path: string,
  options: DemonstrationOptions,
): Promise<Demonstration[]> {
  const columns = ['problem_id', 'prompt', 'text', 'outcome', 'finish_reason', 'messages'] as const;
  const stored = await findRollouts(path, columns);
  const byProblem = new Map<string, Attempt[]>();
  for await (const batch of stored.batches())
    for (const row of batch) {
      if (row.finish_reason !== 'stop' || row.messages !== null || row.text.includes(options.mark)) continue;
      const own = byProblem.get(row.problem_id);
      if (own === undefined) byProblem.set(row.problem_id, [row]);
      else own.push(row);
    }
  return demonstrationsOf(byProblem, options);
}

/** Builds demonstrations from attempts, grouped by problem id; see {@link buildDemonstrations}. */
export function demonstrationsOf(
  attempts: ReadonlyMap<string, readonly Attempt[]>,
  options: DemonstrationOptions,
): Demonstration[] {
  const types = [...new Set(options.types)];
  const found = new Map(types.map((type) => [type, [] as Demonstration[]]));
  for (const [problem, own] of attempts)
    for (const type of types) {
      const completion = completionOf(type, own, problem, options);
      if (completion !== undefined)
        found.get(type)!.push({ prompt: own[0]!.prompt, completion, problem, type });
    }
  const count = Math.min(...Array.from(found.values(), ({ length }) => length));
  const order = (one: Demonstration): number => uniformAt(hashKey(options.seed, one.problem), 0);
  return types.flatMap((type) =>
    found
      .get(type)!
      .toSorted((a, b) => order(a) - order(b))
      .slice(0, count),
  );
}

function completionOf(
  type: DemonstrationType,
  own: readonly Attempt[],
  problem: string,
  { mark, separator, seed }: DemonstrationOptions,
): string | undefined {
  const draw = (counter: number): number => uniformAt(hashKey(seed, type, problem), counter);
  const pick = <Value>(values: readonly Value[], counter: number): Value | undefined =>
    values[Math.floor(draw(counter) * values.length)];
  const rights = own.filter(({ outcome }) => outcome === 'correct').map(({ text }) => text.split(separator));
  const right = pick(rights, 0);
  if (right === undefined) return undefined;
  switch (type) {
    case 'I':
      return right.join(separator);
    case 'II': {
      if (right.length < 2) return undefined;
      const at = 1 + Math.floor(draw(1) * (right.length - 1));
      return [...right.slice(0, at), mark + right[at]!, ...right.slice(at + 1)].join(separator);
    }
    case 'III': {
      const wrongs = own
        .filter(({ outcome }) => outcome === 'incorrect')
        .map(({ text }) => text.split(separator));
      const wrong = pick(wrongs, 1);
      if (wrong === undefined) return undefined;
      const [nearest, shared] = nearestTo(wrong, rights);
      // One attempt is a prefix of the other: no step differs.
      if (shared >= wrong.length || shared >= nearest.length) return undefined;
      const redo = mark + nearest[shared]!;
      return [...wrong.slice(0, shared + 1), redo, ...nearest.slice(shared + 1)].join(separator);
    }
  }
}

/** Returns the correct attempt that shares the most leading steps with `wrong`, and the number of shared steps. */
function nearestTo(
  wrong: readonly string[],
  rights: readonly (readonly string[])[],
): [readonly string[], number] {
  let best: [readonly string[], number] = [[], -1];
  for (const right of rights) {
    const differs = right.findIndex((step, i) => step !== wrong[i]);
    const shared = differs < 0 ? right.length : differs;
    if (shared > best[1]) best = [right, shared];
  }
  return best;
}
