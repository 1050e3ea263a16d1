import { quantile } from '../../../statistics/summary.ts';
import type { Problem } from '../../../core/problem.ts';
import type { ObservedGroup } from '../../../difficulty/pass-rates/pass-rate-store.ts';
import { passRateIntervals, type Prior, type Trials } from '../../../difficulty/pass-rates/trials.ts';
import { questionOf } from '../../../problems/hygiene/golds.ts';
import { tokensOf } from '../../../problems/hygiene/normal-form.ts';
import type { StoredMeasurement } from '../../stored-difficulty.ts';

/** Problems to inspect for the same reason. */
export interface Finding {
  readonly reason: string;
  /** Possible cause and remedy. */
  readonly advice: string;
  readonly problems: readonly { readonly id: string; readonly why: string }[];
}

/** Returns the problems to inspect, by reason; omits reasons without problems. */
export function findProblems(
  measurements: readonly StoredMeasurement[],
  problems: readonly Problem[],
  how: { readonly prior: Prior; readonly confidence: number },
): Finding[] {
  const groups = measurements.flatMap((one) => one.groups.filter(({ source }) => source.type === 'base'));
  const all: Finding[] = [
    {
      reason: 'Never solved, mostly without an answer',
      advice:
        'The verifier may not read this form of answer. Check the prompt and the extraction before calling these problems hard.',
      problems: groups
        .filter(
          ({ successes, attempts, unparsed }) => successes === 0 && attempts > 1 && unparsed * 2 >= attempts,
        )
        .map(({ problemId, attempts, unparsed }) => ({
          id: problemId,
          why: `${unparsed} of ${attempts} attempts without an answer`,
        })),
    },
    {
      reason: 'Never solved, always cut off',
      advice:
        'Every attempt hit the token limit: the pass rate measures the limit, not the problem. Raise maxTokens.',
      problems: groups
        .filter(
          ({ successes, attempts, truncated }) => successes === 0 && attempts > 1 && truncated === attempts,
        )
        .map(({ problemId, attempts }) => ({
          id: problemId,
          why: `${attempts} of ${attempts} attempts cut off`,
        })),
    },
    {
      reason: 'Could not be graded',
      advice: 'The gold answer, the tests or the verifier is broken. Repair it or leave the problem out.',
      problems: groups
        .filter(({ ungradable }) => ungradable > 0)
        .map(({ problemId, ungradable, attempts }) => ({
          id: problemId,
          why: `${ungradable} of ${attempts} attempts`,
        })),
    },
    {
      reason: 'Timed out during judging',
      advice: 'The programs may be slow, or the time limit too short for this machine.',
      problems: groups
        .filter(({ timeouts, attempts }) => timeouts > 0 && timeouts * 2 >= attempts)
        .map(({ problemId, timeouts, attempts }) => ({
          id: problemId,
          why: `${timeouts} of ${attempts} attempts`,
        })),
    },
    {
      reason: 'Solved suspiciously quickly',
      advice:
        'Correct in a tenth of the usual length: a guess, an answer in the prompt, or a verifier that accepts too much.',
      problems: measurements.flatMap(({ groups: own }) => quickPasses(own)),
    },
    {
      reason: 'Same question, different golds',
      advice: 'At least one gold answer is wrong. Run gradus data check and gradus data dedup.',
      problems: contradictions(problems),
    },
    {
      reason: 'Models disagree',
      advice:
        'The weaker model solves it significantly more often than the stronger one. Compare how each is judged.',
      problems: disagreements(measurements, how),
    },
  ];
  return all.filter((finding) => finding.problems.length > 0);
}

function quickPasses(groups: readonly ObservedGroup[]): Finding['problems'] {
  const counted = groups.filter(({ countedAttempts }) => countedAttempts > 0);
  if (counted.length === 0) return [];
  const usual = quantile(
    counted.map(({ tokens, countedAttempts }) => tokens / countedAttempts),
    0.5,
  );
  return counted.flatMap(({ problemId, fewestTokensToPass: fewest }) =>
    fewest === undefined || fewest * 10 > usual
      ? []
      : [
          {
            id: problemId,
            why: `correct after ${fewest} tokens; the median attempt takes ${Math.round(usual)}`,
          },
        ],
  );
}

function contradictions(problems: readonly Problem[]): Finding['problems'] {
  const byQuestion = Map.groupBy(
    problems.filter(({ answer }) => answer !== undefined),
    (problem) => tokensOf(questionOf(problem)).join(' '),
  );
  return [...byQuestion.values()].flatMap((same) => {
    const golds = new Set(same.map(({ answer }) => tokensOf(answer!).join(' ')));
    if (golds.size < 2) return [];
    return same.map(({ id, answer }) => ({
      id,
      why: `gold answer ${answer}; ${same.length} problems have this question`,
    }));
  });
}

/** Finds problems whose two intervals are disjoint and ordered opposite to the two models' means. */
function disagreements(
  measurements: readonly StoredMeasurement[],
  { prior, confidence }: { readonly prior: Prior; readonly confidence: number },
): Finding['problems'] {
  const intervalOf = passRateIntervals(prior, confidence);
  const byStrength = measurements.toSorted((a, b) => meanRate(a) - meanRate(b));
  return byStrength.flatMap((weaker, i) =>
    byStrength.slice(i + 1).flatMap((stronger) =>
      Array.from(weaker.passRates).flatMap(([id, one]) => {
        const other = stronger.passRates.get(id);
        if (other === undefined || intervalOf(one).low <= intervalOf(other).high) return [];
        return [{ id, why: `${shown(one)} by ${named(weaker)}, ${shown(other)} by ${named(stronger)}` }];
      }),
    ),
  );
}

function meanRate({ passRates }: StoredMeasurement): number {
  const tried = [...passRates.values()].filter(({ trials }) => trials > 0);
  return (
    tried.reduce((sum, { successes, trials }) => sum + successes / trials, 0) / Math.max(1, tried.length)
  );
}

const shown = ({ successes, trials }: Trials): string => `${successes} of ${trials}`;
const named = ({ conditions: { model, temperature } }: StoredMeasurement): string =>
  `${model.slice(0, 24)} at temperature ${temperature}`;
