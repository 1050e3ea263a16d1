import type { RolloutGroup } from '../../core/rollout.ts';
import type { Verdict } from '../../core/verdict.ts';

/** The most common answer of a family's rollouts, compared with how often it is right. */
export interface CommonestAnswer {
  readonly family: string;
  readonly answer: string;
  /** Share of the family's answers, in [0, 1]. */
  readonly share: number;
  /** Share of the family's problems whose gold is this answer. */
  readonly goldShare: number;
}

/** Minimum number of problems that a family must have in a batch for a meaningful most common answer. */
const fewestProblems = 4;

/**
 * Finds the family whose most common answer exceeds its share of golds most. Returns null if no family has at
 * least four problems with extracted answers, which programs do not have.
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

/** Returns the excess of the answer's share over its share of golds; 0 if the answer is given less often. */
export const excessOf = ({ share, goldShare }: CommonestAnswer): number => Math.max(0, share - goldShare);

function extractedFrom({ evidence = {} }: Verdict): string | undefined {
  const { extracted } = evidence;
  return typeof extracted === 'string' ? extracted.trim() : undefined;
}
