import { resolve } from 'node:path';
import * as z from 'zod';
import type { TokenSequence } from '../core/batch.ts';
import { noun } from '../core/config-builder.ts';
import { ConfigError } from '../core/errors.ts';
import { engineConfig } from '../engines/config.ts';
import type { ModelWeights, Renderer } from '../engines/engine.ts';
import { openEngine } from '../engines/open-engine.ts';
import type { StepScorer } from '../verifiers/step-scorer.ts';
import type { ScorerParts } from './scorer-parts.ts';
import { likelihoodsAt, readScore } from './readout.ts';
import { labelTokens, readLabels, withLabelPlace } from './scorer-labels.ts';

/** A causal model with the policy's tokenizer that predicts a label token after each step. */
export const modelScorerConfig = z.strictObject({
  type: z.literal('model'),
  /** Folder of a scorer trained with `gradus prm train`. */
  model: z.string().min(1),
  engine: engineConfig.prefault('embedded'),
});

/** Scores steps with a model that was trained on a run's rollouts with `gradus prm train`. */
export const modelScorer = noun(modelScorerConfig);

/**
 * Opens a scorer trained with `gradus prm train`. The score of a step is the probability of the good label after it;
 * after training on labels only, other tokens have almost no probability. If the folder has a readout and the policy's
 * log-probabilities are known, the readout combines both.
 *
 * @throws DataError if the folder has no labels; ConfigError if the scorer's tokenizer differs from the policy's.
 */
export async function openModelScorer(
  { model, engine: config }: z.output<typeof modelScorerConfig>,
  { renderer, baseDir = '.' }: Pick<ScorerParts, 'renderer' | 'baseDir'>,
  opened: AsyncDisposableStack,
): Promise<StepScorer> {
  const folder = resolve(baseDir, model);
  const { readout, ...texts } = await readLabels(folder);
  const { weights, renderer: own, sampler } = opened.use(await openEngine(config, folder, { train: false }));
  if (weights === undefined || own === undefined)
    throw new ConfigError(`scorer ${model}: expected an engine with weights, got "${sampler.info.engine}"`);
  if (renderer === undefined || !readAlike(own, renderer))
    throw new ConfigError(
      `scorer ${model}: expected the tokenizer of the policy, whose tokens it reads; train it on a run of this policy`,
      { tryNext: 'gradus prm train <run>' },
    );
  const { good } = labelTokens(own, texts);
  const score = createBatches(weights);
  const window = sampler.info.maxSequenceTokens ?? Infinity;
  return {
    name: `model ${model}`,
    reads: 'all',
    score: async (_, transcript, ends) => {
      const tokens = withLabelPlace(transcript.tokens);
      if (tokens.length > window) return ends.map(() => null);
      const logprobs = await score({ tokens, targets: new Int32Array(tokens.length).fill(good) });
      const scores = ends.map((end) => Math.min(1, Math.exp(logprobs[end]!)));
      const { logprobs: sampled, written } = transcript;
      if (readout === undefined || sampled.every((one) => one === 0)) return scores;
      const likelihoods = likelihoodsAt(sampled, written, ends);
      return scores.map((one, at) => readScore(readout, one, likelihoods[at]!));
    },
  };
}

/** Combines the sequences that arrive in one turn of the event loop into one call, so that microbatches are full. */
function createBatches(
  weights: Pick<ModelWeights, 'logprobs'>,
): (sequence: TokenSequence) => Promise<Float32Array> {
  let waiting: { readonly sequence: TokenSequence; readonly done: PromiseWithResolvers<Float32Array> }[] = [];
  const flush = (): void => {
    const batch = waiting;
    waiting = [];
    weights.logprobs({ sequences: batch.map(({ sequence }) => sequence) }, 'policy').then(
      (scores) => batch.forEach(({ done }, at) => done.resolve(scores[at]!)),
      (error: unknown) => batch.forEach(({ done }) => done.reject(error)),
    );
  };
  return (sequence) => {
    const done = Promise.withResolvers<Float32Array>();
    if (waiting.push({ sequence, done }) === 1) setImmediate(flush);
    return done.promise;
  };
}

/** Strings that two tokenizers with different vocabularies nearly always encode differently. */
const samples = ['0123456789', '2*(x+3)=10; so x=2', 'The answer is \\boxed{42}.', 'x=>5*x+9', 'é 中 ∑'];

/** Returns whether two tokenizers encode the samples as the same tokens. */
const readAlike = (one: Pick<Renderer, 'encode'>, other: Pick<Renderer, 'encode'>): boolean =>
  samples.every((text) => one.encode(text).join() === other.encode(text).join());
