import type { TrainingBatch, TrainingSequence } from '../core/batch.ts';
import { writtenTokens } from '../core/rollout.ts';
import { type JudgedRollout, judgedRollouts, type ScoredGroup } from './scored-group.ts';
import type { Algorithm } from './settings.ts';

/**
 * Scored groups → the tokens, weights and advantages an engine learns from.
 *
 * The weights carry mask and normaliser, and the normaliser is counted once over all groups given: however an engine
 * then cuts the batch into microbatches, the sum stays the same. Groups without advantage are left out of the batch
 * where nothing else could be learned from them (no KL, no entropy term); whether they still count in the normaliser
 * is the algorithm's `normaliseOver`. Masked rollouts never count.
 *
 * @param groups all groups of one optimizer update, those without signal included.
 * @param maxTokens the token limit the rollouts were written under.
 * @returns a batch without sequences when there is nothing to learn.
 */
export function buildTrainingBatch(
  groups: readonly ScoredGroup[],
  algorithm: Algorithm,
  { maxTokens }: { readonly maxTokens: number },
): TrainingBatch {
  const { kl, entropy } = algorithm.lossSpec({ temperature: 1 });
  const isLearned = (group: ScoredGroup): boolean =>
    !group.isZeroAdvantage || kl !== null || entropy !== null;
  const learned = inLoss(groups.filter(isLearned));
  const counted = algorithm.normaliseOver === 'all' ? inLoss(groups) : learned;
  const weightOf = tokenWeights(counted, algorithm, maxTokens);
  return { sequences: learned.flatMap((scored) => toSequences(scored, weightOf(scored))) };
}

function inLoss(groups: readonly ScoredGroup[]): JudgedRollout[] {
  return groups.flatMap((group) => judgedRollouts(group).filter(({ isMasked }) => !isMasked));
}

/** The weight of each token of a rollout, such that the weighted sum over the batch is the wanted mean. */
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

/** One sequence per transcript; only written tokens have weight. */
function toSequences({ rollout, advantage }: JudgedRollout, weight: number): TrainingSequence[] {
  return rollout.transcripts.map(({ tokens, logprobs, written }) => {
    const weights = new Float32Array(tokens.length);
    const advantages = new Float32Array(tokens.length);
    for (const { start, end } of written) {
      weights.fill(weight, start, end);
      advantages.fill(advantage, start, end);
    }
    return { tokens, weights, advantages, rolloutLogprobs: logprobs };
  });
}
