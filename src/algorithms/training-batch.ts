import type { TrainingBatch, TrainingSequence } from '../core/batch.ts';
import { writtenTokens } from '../core/rollout.ts';
import { type JudgedRollout, judgedRollouts, type ScoredGroup } from './scored-group.ts';
import type { Algorithm } from './settings.ts';

/**
 * Converts scored groups to the tokens, weights and advantages that an engine learns from.
 *
 * The weights include the mask and the normaliser. The normaliser is computed once over all groups, so the sum is the
 * same however an engine splits the batch into microbatches. Groups with zero advantage are omitted if the loss has no
 * KL and no entropy term; `normaliseOver` decides whether the normaliser still counts them. Masked rollouts never
 * count.
 *
 * @param groups all groups of one optimizer update, including zero-advantage groups.
 * @param options.maxTokens the token limit under which the rollouts were written.
 * @param options.only selects the groups in the batch; the normaliser still counts all groups, so batches of disjoint
 * groups add up to the complete batch.
 * @returns a batch without sequences if there is nothing to learn.
 */
export function buildTrainingBatch(
  groups: readonly ScoredGroup[],
  algorithm: Algorithm,
  {
    maxTokens,
    only = () => true,
  }: { readonly maxTokens: number; readonly only?: (group: ScoredGroup) => boolean },
): TrainingBatch {
  const { kl, entropy } = algorithm.lossSpec({ temperature: 1 });
  const isLearned = (group: ScoredGroup): boolean =>
    !group.isZeroAdvantage || kl !== null || entropy !== null;
  const learned = inLoss(groups.filter(isLearned));
  const counted = algorithm.normaliseOver === 'all' ? inLoss(groups) : learned;
  const weightOf = tokenWeights(counted, algorithm, maxTokens);
  const taken = inLoss(groups.filter((group) => isLearned(group) && only(group)));
  return { sequences: taken.flatMap((scored) => toSequences(scored, weightOf(scored))) };
}

function inLoss(groups: readonly ScoredGroup[]): JudgedRollout[] {
  return groups.flatMap((group) => judgedRollouts(group).filter(({ isMasked }) => !isMasked));
}

/**
 * Returns a function that computes the weight of each token of a rollout. With these weights, the sum of the token
 * losses equals the mean specified by `aggregation`.
 */
function tokenWeights(
  counted: readonly JudgedRollout[],
  { aggregation, constantTokens }: Algorithm,
  maxTokens: number,
): (scored: JudgedRollout) => number {
  const rollouts = counted.length;
  switch (aggregation) {
    case 'token-mean': {
      const tokens = counted.reduce((total, { rollout }) => total + writtenTokens(rollout), 0);
      return () => 1 / tokens;
    }
    case 'sequence-mean-token-mean':
      return ({ rollout }) => 1 / (rollouts * writtenTokens(rollout));
    case 'constant':
      return () => 1 / (rollouts * (constantTokens ?? maxTokens));
  }
}

/** Returns one sequence per transcript; only written tokens have a weight other than 0. */
function toSequences(
  { rollout, advantage, turnAdvantages }: JudgedRollout,
  weight: number,
): TrainingSequence[] {
  let turn = 0;
  return rollout.transcripts.map(({ tokens, logprobs, written }) => {
    const weights = new Float32Array(tokens.length);
    const advantages = new Float32Array(tokens.length);
    for (const { start, end } of written) {
      weights.fill(weight, start, end);
      advantages.fill(turnAdvantages?.[turn++] ?? advantage, start, end);
    }
    return { tokens, weights, advantages, rolloutLogprobs: logprobs };
  });
}
