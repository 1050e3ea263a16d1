import { createHash } from 'node:crypto';
import type { Problem } from '../../core/problem.ts';
import type { RecordedLikelihood } from '../pass-rates/pass-rate-store.ts';

/** Version of `referenceTexts`; likelihoods from different versions are not comparable. */
export const likelihoodVersion = 'boxed@1';

/** A text to score after the prompt: its log-likelihood predicts the pass rate. */
export interface ReferenceText {
  readonly text: RecordedLikelihood['text'];
  readonly content: string;
  readonly digest: string;
}

/**
 * Returns the texts of a problem to score: its gold answer in a box, and its worked solution. The box matters: on
 * gradus-tiny, the log-likelihood of the bare answer has a Spearman correlation of .37 with the pass rate, that of the
 * boxed answer .86. Omits a missing text: a problem judged by tests has no answer, and many problems have no solution.
 */
export function referenceTexts({ answer, solution }: Pick<Problem, 'answer' | 'solution'>): ReferenceText[] {
  const boxed = answer === undefined || answer.includes('\\boxed{') ? answer : `\\boxed{${answer}}`;
  return [
    ...(boxed === undefined || boxed === '' ? [] : [reference('answer', boxed)]),
    ...(solution === undefined || solution === '' ? [] : [reference('solution', solution)]),
  ];
}

/**
 * Returns the values that predict a problem's pass rate, by name: the log-likelihood of each text, in nats. This is
 * the sum over tokens, not the mean: the sum is the log-probability of writing exactly this text, and predicts better
 * (docs/difficulty.md).
 *
 * @param recorded likelihoods of the texts of one problem in its current edition; see `currentLikelihoods`.
 */
export function likelihoodValues(recorded: readonly RecordedLikelihood[]): Record<string, number> {
  return Object.fromEntries(recorded.map(({ text, logprob }) => [`log p(${text})`, logprob]));
}

/** Groups recorded likelihoods by problem; omits those for earlier wordings, answers and solutions. */
export function currentLikelihoods(
  problems: readonly Problem[],
  editions: ReadonlyMap<string, string>,
  recorded: readonly RecordedLikelihood[],
): ReadonlyMap<string, readonly RecordedLikelihood[]> {
  const wanted = new Set(
    problems.flatMap((problem) =>
      referenceTexts(problem).map(({ text, digest }) =>
        keyOf({ problemId: problem.id, edition: editions.get(problem.id)!, text, digest }),
      ),
    ),
  );
  return Map.groupBy(
    recorded.filter((one) => wanted.has(keyOf(one))),
    ({ problemId }) => problemId,
  );
}

const keyOf = ({
  problemId,
  edition,
  text,
  digest,
}: Pick<RecordedLikelihood, 'problemId' | 'edition' | 'text' | 'digest'>): string =>
  JSON.stringify([problemId, edition, text, digest]);

function reference(text: ReferenceText['text'], content: string): ReferenceText {
  return { text, content, digest: createHash('sha256').update(content).digest('hex').slice(0, 16) };
}
