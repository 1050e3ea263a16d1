import { learningRateAt, type OptimizerConfig } from '../algorithms/optimizer.ts';
import type { TrainingSequence } from '../core/batch.ts';
import { DataError, EngineError } from '../core/errors.ts';
import type { LossSpec } from '../core/loss-spec.ts';
import type { LearningEngine } from '../engines/engine.ts';
import { mean } from '../statistics/summary.ts';
import { planBatches } from '../supervised/supervised.ts';
import { type Candidate, type Candidates, drawCandidates } from './candidates.ts';
import { rankLoss } from './rank-loss.ts';
import { type RelevancePrompt, relevanceSequence } from './relevance.ts';

/** Settings for training a reranker. */
export interface RerankSettings {
  readonly prompt: RelevancePrompt;
  /** Candidates drawn per step from each of a question's two lists. */
  readonly sample: number;
  /** τ₁, for BM25 scores with the rationale as the query. */
  readonly temperatureTarget: number;
  /** τ₂, for the model's log-probabilities. */
  readonly temperatureModel: number;
  /** Questions per step. */
  readonly batchSize: number;
  readonly epochs: number;
  readonly optimizer: OptimizerConfig;
  readonly seed: number;
  readonly signal?: AbortSignal;
  readonly onStep?: (step: RerankStep) => void;
}

/** Report of one training step. */
export interface RerankStep {
  readonly step: number;
  readonly lastStep: number;
  /** Mean KL(Q ‖ P) over the step's questions before the update, in nats. */
  readonly kl: number;
  readonly learningRate: number;
  readonly gradNorm?: number;
}

/** The loss −A·log π without additional terms. */
export const reinforceLoss: LossSpec = {
  policy: { type: 'reinforce' },
  kl: null,
  entropy: null,
  importance: null,
  temperature: 1,
};

/** A question with the candidates drawn for one step. */
interface RankedList {
  readonly question: string;
  readonly candidates: readonly Candidate[];
}

/**
 * Trains a causal model to rank passages for the question as BM25 ranks them for the rationale. Minimises the KL in
 * `rankLoss`, through the `reinforce` loss, which has the same gradient.
 *
 * @throws DataError if no question has at least two candidates that fit the model's window; EngineError if the loss is
 * not finite.
 */
export async function trainReranker(
  engine: LearningEngine,
  questions: readonly Candidates[],
  { optimizer, signal, onStep, ...settings }: RerankSettings,
): Promise<RerankStep> {
  const { lastStep, batch } = planBatches(questions, settings);
  let report: RerankStep | undefined;
  for (let step = 1; step <= lastStep; step++) {
    signal?.throwIfAborted();
    const lists = batch(step)
      .map((question, index) => listOf(engine, question, settings, step, index))
      .filter(({ candidates }) => candidates.length > 1);
    if (lists.length === 0)
      throw new DataError(
        `step ${step}: expected questions with two candidates that fit the model's window, got none of ${settings.batchSize}`,
        { tryNext: 'gradus knowledge search <index> <question>' },
      );
    const { kl, sequences } = await rankLists(engine, lists, settings);
    await engine.learner.forwardBackward({ sequences }, reinforceLoss);
    const learningRate = learningRateAt(optimizer, step, lastStep);
    const { beta1, beta2, epsilon, weightDecay, maxGradNorm } = optimizer;
    const clip = maxGradNorm === null ? {} : { maxGradNorm };
    const { gradNorm, applied } = await engine.learner.optimStep({
      learningRate,
      beta1,
      beta2,
      epsilon,
      weightDecay,
      ...clip,
    });
    if (!applied || !Number.isFinite(kl))
      throw new EngineError(`the reranker's loss is no longer finite (KL ${kl}, gradient norm ${gradNorm})`, {
        code: 'NON_FINITE',
        tryNext: 'the same command with a smaller learning rate',
      });
    report = { step, lastStep, kl, learningRate, ...(gradNorm !== undefined && { gradNorm }) };
    onStep?.(report);
  }
  return report!;
}

type StepSettings = Omit<RerankSettings, 'optimizer' | 'signal' | 'onStep'>;

/** Draws candidates for a question and drops those that do not fit the model's window. */
function listOf(
  { renderer, sampler }: LearningEngine,
  question: Candidates,
  { prompt, sample, seed }: StepSettings,
  step: number,
  index: number,
): RankedList {
  const { maxSequenceTokens = Infinity } = sampler.info;
  const candidates = drawCandidates(question, sample, seed, step, index).filter(
    ({ passage }) =>
      relevanceSequence(renderer, prompt, question.question, passage).tokens.length <= maxSequenceTokens,
  );
  return { question: question.question, candidates };
}

/**
 * Scores lists; returns their mean KL, and sequences whose advantages give the `reinforce` loss the gradient of this
 * mean.
 */
export async function rankLists(
  { weights, renderer }: Pick<LearningEngine, 'weights' | 'renderer'>,
  lists: readonly RankedList[],
  {
    prompt,
    temperatureTarget,
    temperatureModel,
  }: Pick<RerankSettings, 'prompt' | 'temperatureTarget' | 'temperatureModel'>,
): Promise<{ readonly kl: number; readonly sequences: TrainingSequence[] }> {
  const all = lists.flatMap(({ question, candidates }) =>
    candidates.map(({ passage }) => relevanceSequence(renderer, prompt, question, passage)),
  );
  const scored = await weights.logprobs({ sequences: all }, 'policy');
  const scores = scored.map((logprobs) => logprobs.at(-1)!);
  let next = 0;
  const losses = lists.map(({ candidates }) =>
    rankLoss(
      candidates.map(({ target }) => target),
      scores.slice(next, (next += candidates.length)),
      { target: temperatureTarget, model: temperatureModel },
    ),
  );
  const advantages = losses.flatMap((loss) => loss.advantages);
  return {
    kl: mean(losses.map((loss) => loss.kl)),
    sequences: all.map(({ tokens }, i) => replyOnly(tokens, advantages[i]!, 1 / lists.length)),
  };
}

/** Returns a training sequence in which only the last token has weight. */
function replyOnly(tokens: Int32Array, advantage: number, weight: number): TrainingSequence {
  const last = tokens.length - 1;
  const zeros = new Float32Array(tokens.length);
  return {
    tokens,
    weights: zeros.with(last, weight),
    advantages: zeros.with(last, advantage),
    rolloutLogprobs: zeros,
  };
}
