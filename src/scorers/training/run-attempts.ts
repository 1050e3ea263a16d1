import { DataError } from '../../core/errors.ts';
import { hashKey } from '../../core/rng.ts';
import type { Verdict } from '../../core/verdict.ts';
import { votedAnswer } from '../../rollout/strategies/choose-answer.ts';
import type { StoredSpans } from '../../runs/files/transcript-columns.ts';
import type { GroupRow } from '../../runs/reading/run-rows.ts';
import { openRunReader, type RunReader } from '../../runs/reading/run-reader.ts';
import { likelihoodsAt } from '../readout.ts';
import type { LabelledAttempt } from './labelled-attempt.ts';

/** Training and held-out attempts, which have no problem in common. */
export interface ScorerData {
  readonly train: readonly LabelledAttempt[];
  readonly heldOut: readonly LabelledAttempt[];
  /** Description of the held-out attempts, for messages. */
  readonly heldOutFrom: string;
}

/** Share of the problems that are held out if there is no evaluation. */
export const heldOutShare = 0.1;

/**
 * Labels all prefixes of a run's rollouts with the verdict of the complete rollout: an unbiased one-sample estimate of the
 * probability that the prefix leads to a correct answer (Math-Shepherd with k = 1, 2312.08935). The scorer learns from
 * the training rollouts. The rollouts of the last evaluation, which the final policy wrote, are held out; if there was
 * no evaluation, a tenth of the problems is.
 *
 * @param since first step whose training rollouts are used; older policies make different errors.
 * @throws DataError if the run has no rollouts with tokens and a verdict.
 */
export async function readRunAttempts(directory: string, since = 0): Promise<ScorerData> {
  using run = await openRunReader(directory);
  const groups = run.groups();
  const trained = groups.filter(({ purpose, step }) => purpose === 'train' && step >= since);
  const lastEvaluation = Math.max(...groups.filter(isEvaluation).map(({ step }) => step));
  const seen = new Set(trained.map(({ problemId }) => problemId));
  const evaluated = groups.filter(
    (group) => isEvaluation(group) && group.step === lastEvaluation && !seen.has(group.problemId),
  );
  const isHeldOut = ({ problemId }: GroupRow): boolean =>
    evaluated.length === 0 && hashKey('held out of the scorer', problemId) % 1000 < 1000 * heldOutShare;
  const train = await attemptsOf(
    run,
    trained.filter((group) => !isHeldOut(group)),
  );
  const heldOut = await attemptsOf(run, evaluated.length > 0 ? evaluated : trained.filter(isHeldOut));
  if (train.length === 0 || heldOut.length === 0)
    throw new DataError(
      `${directory}: expected training rollouts with tokens and verdicts, some of them of held-out problems, got ${train.length} for training and ${heldOut.length} held out`,
      { tryNext: `gradus runs show ${directory}` },
    );
  const heldOutFrom =
    evaluated.length > 0 ? `evaluation after step ${lastEvaluation}` : 'a tenth of the problems';
  return { train, heldOut, heldOutFrom };
}

const isEvaluation = ({ purpose }: GroupRow): boolean => purpose === 'evaluate';

const columns = [
  'problem_id',
  'domain',
  'prompt',
  'text',
  'outcome',
  'evidence',
  'token_ids',
  'token_logprobs',
  'transcripts',
] as const;

async function attemptsOf(run: RunReader, groups: readonly GroupRow[]): Promise<LabelledAttempt[]> {
  const rows = await run.rollouts(groups, columns);
  const groupOf = groups.flatMap(({ id, rollouts }) => Array.from({ length: rollouts }, () => String(id)));
  const attempts = rows.flatMap((row, at) => {
    const spans = JSON.parse(row.transcripts) as StoredSpans[];
    // Attempts that fork or rewrite their history have no single sequence of prefixes.
    if (row.outcome === 'ungradable' || spans.length !== 1 || spans[0]!.length === 0) return [];
    const places = spans[0]!.written.flatMap(({ start, end }) =>
      Array.from({ length: end - start + 1 }, (_, i) => start + i),
    );
    const isCorrect = row.outcome === 'correct';
    const evidence = row.evidence === null ? {} : (JSON.parse(row.evidence) as Verdict['evidence']);
    return [
      {
        problemId: row.problem_id,
        domain: row.domain,
        prompt: row.prompt.map(({ content }) => content).join('\n'),
        group: groupOf[at]!,
        tokens: Int32Array.from(row.token_ids),
        places,
        labels: places.map(() => isCorrect),
        isCorrect,
        likelihoods: likelihoodsAt(Array.from(row.token_logprobs), spans[0]!.written, places),
        answer: votedAnswer({ outcome: row.outcome, evidence } as Verdict, row.text),
      } satisfies LabelledAttempt,
    ];
  });
  // Engines without log-probabilities store zeros.
  const areKnown = attempts.some(({ likelihoods }) => likelihoods.at(-1)!.logprob < 0);
  return areKnown ? attempts : attempts.map((attempt) => ({ ...attempt, likelihoods: undefined }));
}
