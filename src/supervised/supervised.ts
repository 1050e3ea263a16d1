import { createRng, hashKey } from '../core/rng.ts';
import type { Message } from '../core/problem.ts';
import type { TrainingSequence } from '../core/batch.ts';
import { crossEntropyLoss } from '../core/loss-spec.ts';
import { ConfigError, EngineError } from '../core/errors.ts';
import { learningRateAt, type OptimizerConfig } from '../algorithms/optimizer.ts';
import type { LearningEngine, Renderer } from '../engines/engine.ts';
import { requireFinitePolicy } from '../engines/require-finite.ts';

/** A prompt and the completion to learn. */
export interface SupervisedExample {
  readonly prompt: readonly Message[];
  readonly completion: string;
}

/** Training settings. */
export interface SupervisedOptions {
  /** Examples per optimizer step; at most all of them. */
  readonly batchSize: number;
  /** Passes over the examples; may be fractional. */
  readonly epochs: number;
  /** Most steps, if fewer than the epochs give; a cosine schedule ends there too. */
  readonly maxSteps?: number;
  readonly optimizer: OptimizerConfig;
  readonly seed: number;
  readonly signal?: AbortSignal;
  readonly onStep?: (step: SupervisedStep) => void;
}

/** One supervised optimizer step. */
export interface SupervisedStep {
  readonly step: number;
  readonly lastStep: number;
  /** Mean negative log-likelihood per completion token, nats. */
  readonly loss: number;
  readonly gradNorm: number;
  readonly learningRate: number;
  /** Completion tokens trained on so far. */
  readonly tokens: number;
}

/**
 * Supervised learning: token-mean cross-entropy on completions, prompts masked, each completion followed by the
 * model's end token. Every epoch visits all examples once in a seeded order.
 *
 * @throws ConfigError without examples; EngineError when the loss or a gradient is not finite.
 */
export async function superviseModel(
  engine: LearningEngine,
  examples: readonly SupervisedExample[],
  options: SupervisedOptions,
): Promise<SupervisedStep> {
  if (examples.length === 0) throw new ConfigError('expected at least one example to learn from, got none');
  const { optimizer, maxSteps = Infinity } = options;
  const batchSize = Math.min(options.batchSize, examples.length);
  const epochSteps = Math.max(1, Math.round((examples.length * options.epochs) / batchSize));
  const lastStep = Math.min(maxSteps, epochSteps);
  const order = exampleOrder(examples.length, options.seed);
  let tokens = 0;
  let report: SupervisedStep | undefined;
  for (let step = 1; step <= lastStep; step++) {
    // Keep the model trained before the interruption; before the first step there is none.
    if (report === undefined) options.signal?.throwIfAborted();
    else if (options.signal?.aborted === true) break;
    const batch = Array.from({ length: batchSize }, () =>
      toSequence(engine.renderer, examples[order.next().value]!),
    );
    const learned = await learn(
      engine,
      normalise(batch),
      learningRateAt(optimizer, step, lastStep),
      optimizer,
    );
    tokens += learned.tokens;
    report = { step, lastStep, ...learned, tokens };
    options.onStep?.(report);
  }
  await requireFinitePolicy(engine.weights, toSequence(engine.renderer, examples[0]!).tokens, smallerRate);
  return report!;
}

async function learn(
  { learner }: LearningEngine,
  sequences: readonly TrainingSequence[],
  learningRate: number,
  { beta1, beta2, epsilon, weightDecay, maxGradNorm }: OptimizerConfig,
): Promise<Pick<SupervisedStep, 'loss' | 'gradNorm' | 'learningRate' | 'tokens'>> {
  const { loss, tokens } = await learner.forwardBackward({ sequences }, crossEntropyLoss);
  const clip = maxGradNorm === null ? {} : { maxGradNorm };
  const { gradNorm, applied } = await learner.optimStep({
    learningRate,
    beta1,
    beta2,
    epsilon,
    weightDecay,
    ...clip,
  });
  if (!applied || !Number.isFinite(loss)) {
    throw notFinite(`the supervised loss is no longer finite (loss ${loss}, gradient norm ${gradNorm})`);
  }
  return { loss, gradNorm, learningRate, tokens };
}

const smallerRate = 'the same command with a smaller --learning-rate';

const notFinite = (message: string): EngineError =>
  new EngineError(message, {
    code: 'NON_FINITE',
    tryNext: smallerRate,
  });

/** Yields indices endlessly: every epoch is a new permutation. */
function* exampleOrder(count: number, seed: number): Generator<number, never> {
  const indices = Array.from({ length: count }, (_, i) => i);
  for (let epoch = 0; ; epoch++) yield* createRng(hashKey(seed), 'supervised', epoch).shuffle(indices);
}

/** Joins prompt and completion to one sequence whose completion tokens have weight 1. */
function toSequence(renderer: Renderer, { prompt, completion }: SupervisedExample): TrainingSequence {
  const head = renderer.render(prompt);
  const body = renderer.encode(completion);
  const tokens = new Int32Array(head.length + body.length + 1);
  tokens.set(head);
  tokens.set(body, head.length);
  tokens[tokens.length - 1] = renderer.endTokens[0]!;
  const zeros = new Float32Array(tokens.length);
  return {
    tokens,
    weights: zeros.slice().fill(1, head.length),
    advantages: zeros,
    rolloutLogprobs: zeros,
  };
}

/** Divides weights by their sum, so that the loss is the mean over completion tokens. */
function normalise(sequences: readonly TrainingSequence[]): TrainingSequence[] {
  const total = sequences.reduce((sum, { weights }) => sum + weights.reduce((a, b) => a + b, 0), 0);
  return sequences.map((sequence) => ({
    ...sequence,
    weights: sequence.weights.map((weight) => weight / total),
  }));
}
