import type { RolloutGroup } from '../../core/rollout.ts';
import type { Verdict } from '../../core/verdict.ts';

/** The answer a family's rollouts give most often, compared with how often it is right. */
export interface CommonestAnswer {
  readonly family: string;
  readonly answer: string;
  /** Share of the family's answers, in [0, 1]. */
  readonly share: number;
  /** Share of the family's problems with this gold. */
  readonly goldShare: number;
}

/** Fewest problems of a family in a batch for a meaningful commonest answer. */
const fewestProblems = 4;

/**
 * Finds the family whose commonest answer exceeds its share of golds most; null without a family of at least four
 * problems with extracted answers. Programs have none.
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

/** Excess of the answer's share over its share of golds; 0 if it is given less often. */
export const excessOf = ({ share, goldShare }: CommonestAnswer): number => Math.max(0, share - goldShare);

function extractedFrom({ evidence = {} }: Verdict): string | undefined {
  const { extracted } = evidence;
  return typeof extracted === 'string' ? extracted.trim() : undefined;
}
