import type { RolloutGroup } from '../../core/rollout.ts';
import type { Verdict } from '../../core/verdict.ts';

/** The most common answer in a family's rollouts, compared with how often it is correct. */
export interface CommonestAnswer {
  readonly family: string;
  readonly answer: string;
  /** Share of the family's answers that equal it, in [0, 1]. */
  readonly share: number;
  /** Share of the family's problems whose gold it is, in [0, 1]. */
  readonly goldShare: number;
}

/** Minimum number of a family's problems in a batch; with fewer, its most common answer means little. */
const fewestProblems = 4;

/**
 * Finds the family whose most common answer is most overrepresented, compared with its share of the golds. Returns null
 * if no family has at least four problems with extracted answers; code problems have none.
 */
export function commonestAnswer(groups: readonly RolloutGroup[]): CommonestAnswer | null {
  const families = Map.groupBy(groups, ({ problem }) => problem.family ?? problem.domain);
  let found: CommonestAnswer | null = null;
  for (const [family, members] of families) {
    const answers = members.flatMap(({ rollouts }) =>
      rollouts.flatMap(({ verdict }) => extractedFrom(verdict) ?? []),
    );
    if (members.length < fewestProblems || answers.length < 2 * fewestProblems) continue;
    const [answer, same] = [...Map.groupBy(answers, (one) => one)].reduce((most, one) =>
      one[1].length > most[1].length ? one : most,
    );
    const golds = members.filter(({ problem }) => problem.answer?.trim() === answer);
    const one = {
      family,
      answer,
      share: same.length / answers.length,
      goldShare: golds.length / members.length,
    };
    if (found === null || excessOf(one) > excessOf(found)) found = one;
  }
  return found;
}

/** Returns the answer's share minus its share of the golds; 0 if that is negative. */
export const excessOf = ({ share, goldShare }: CommonestAnswer): number => Math.max(0, share - goldShare);

function extractedFrom({ evidence = {} }: Verdict): string | undefined {
  const { extracted } = evidence;
  return typeof extracted === 'string' ? extracted.trim() : undefined;
}
