import { createRng, hashKey } from '../core/rng.ts';
import type { Message } from '../core/problem.ts';
import type { TrainingSequence } from '../core/batch.ts';
import { crossEntropyLoss } from '../core/loss-spec.ts';
import { ConfigError, EngineError } from '../core/errors.ts';
import { learningRateAt, type OptimizerConfig } from '../algorithms/optimizer.ts';
import type { LearningEngine, ModelWeights, Renderer } from '../engines/engine.ts';
import { requireFinitePolicy } from '../engines/require-finite.ts';

/** A prompt and the completion to learn. */
export interface SupervisedExample {
  readonly prompt: readonly Message[];
  readonly completion: string;
  /** Id of the problem; all examples of a problem are on one side of a held-out split. */
  readonly problem?: string;
}

/** Training settings. */
export interface SupervisedSettings {
  /** Number of examples per optimizer step, capped at the number of examples. */
  readonly batchSize: number;
  /** Number of passes over the examples; may be fractional. */
  readonly epochs: number;
  /** Maximum number of steps, if the epochs would take more; a cosine schedule also ends there. */
  readonly maxSteps?: number | undefined;
  readonly optimizer: OptimizerConfig;
  /** Seed for the order of the examples. */
  readonly seed: number;
}

/** Settings, observer and abort signal of `superviseModel`. */
export interface SupervisedOptions extends SupervisedSettings {
  readonly signal?: AbortSignal;
  readonly onStep?: (step: SupervisedStep) => void;
}

/** Result of one supervised optimizer step. */
export interface SupervisedResult {
  /** Mean negative log-likelihood per completion token, in nats. */
  readonly loss: number;
  readonly gradNorm?: number;
  readonly learningRate: number;
  /** Number of completion tokens in the step. */
  readonly tokens: number;
  readonly sequences: number;
}

/** One supervised optimizer step, as reported. */
export interface SupervisedStep extends Omit<SupervisedResult, 'sequences'> {
  readonly step: number;
  readonly lastStep: number;
  /** Number of completion tokens trained on so far. */
  readonly tokens: number;
}

/** The order in which training uses items, such as examples. */
export interface BatchPlan<Item> {
  readonly lastStep: number;
  /**
   * Returns the items of a step, from 1. Depends only on the step, so a resumed run learns from the same items.
   */
  batch(step: number): readonly Item[];
}

/**
 * Plans the steps: every epoch visits all items once, in a seeded order.
 *
 * @throws ConfigError if there are no items.
 */
export function planBatches<Item>(
  items: readonly Item[],
  { batchSize: wanted, epochs, maxSteps = Infinity, seed }: Omit<SupervisedSettings, 'optimizer'>,
): BatchPlan<Item> {
  const count = items.length;
  if (count === 0) throw new ConfigError('expected at least one example to learn from, got none');
  const batchSize = Math.min(wanted, count);
  const orderOf = epochOrder(count, seed);
  return {
    lastStep: Math.min(maxSteps, Math.max(1, Math.round((count * epochs) / batchSize))),
    batch: (step) =>
      Array.from({ length: batchSize }, (_, index) => {
        const place = (step - 1) * batchSize + index;
        return items[orderOf(Math.floor(place / count))[place % count]!]!;
      }),
  };
}

/** Returns the permutation of an epoch; caches the last one, because a batch spans at most two epochs. */
function epochOrder(count: number, seed: number): (epoch: number) => readonly number[] {
  const indices = Array.from({ length: count }, (_, i) => i);
  let known: { readonly epoch: number; readonly order: readonly number[] } | undefined;
  return (epoch) => {
    if (known?.epoch !== epoch)
      known = { epoch, order: createRng(hashKey(seed), 'supervised', epoch).shuffle(indices) };
    return known.order;
  };
}

/**
 * Makes one optimizer step on the cross-entropy of completions, averaged over their tokens. Prompt tokens have no
 * weight; each completion ends with the model's end token.
 *
 * @throws EngineError if the loss or a gradient is not finite.
 */
export async function superviseStep(
  { learner, renderer }: LearningEngine,
  examples: readonly SupervisedExample[],
  learningRate: number,
  optimizer: OptimizerConfig,
): Promise<SupervisedResult> {
  const sequences = normalise(examples.map((example) => toSequence(renderer, example)));
  return learnSequences(learner, sequences, learningRate, optimizer);
}

/**
 * Makes one optimizer step on the cross-entropy of sequences, whose weights it normalises.
 *
 * @throws EngineError if the loss or a gradient is not finite.
 */
export async function learnSequences(
  learner: LearningEngine['learner'],
  sequences: readonly TrainingSequence[],
  learningRate: number,
  { beta1, beta2, epsilon, weightDecay, maxGradNorm }: OptimizerConfig,
): Promise<SupervisedResult> {
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
    throw new EngineError(
      `the supervised loss is no longer finite (loss ${loss}, gradient norm ${gradNorm})`,
      {
        code: 'NON_FINITE',
        tryNext: smallerRate,
      },
    );
  }
  return {
    loss,
    ...(gradNorm !== undefined && { gradNorm }),
    learningRate,
    tokens,
    sequences: sequences.length,
  };
}

const smallerRate = 'the same command with a smaller learning rate';

/**
 * Trains on examples to the end of the plan; see `planBatches` and `superviseStep`.
 *
 * @throws ConfigError if there are no examples; EngineError if the loss or a gradient is not finite.
 */
export async function superviseModel(
  engine: LearningEngine,
  examples: readonly SupervisedExample[],
  options: SupervisedOptions,
): Promise<SupervisedStep> {
  const { optimizer } = options;
  const { lastStep, batch } = planBatches(examples, options);
  let tokens = 0;
  let report: SupervisedStep | undefined;
  for (let step = 1; step <= lastStep; step++) {
    // If a step was made before the interruption, return the model trained so far.
    if (report === undefined) options.signal?.throwIfAborted();
    else if (options.signal?.aborted === true) break;
    const rate = learningRateAt(optimizer, step, lastStep);
    const { sequences: _, ...learned } = await superviseStep(engine, batch(step), rate, optimizer);
    tokens += learned.tokens;
    report = { step, lastStep, ...learned, tokens };
    options.onStep?.(report);
  }
  await requireFinitePolicy(engine.weights, toSequence(engine.renderer, examples[0]!).tokens, smallerRate);
  return report!;
}

/** Number of examples scored at once. */
const scoredAtOnce = 256;

/** Returns the mean negative log-likelihood per completion token in nats, without learning. */
export async function meanLoss(
  { weights, renderer }: { readonly weights: Pick<ModelWeights, 'logprobs'>; readonly renderer: Renderer },
  examples: readonly SupervisedExample[],
): Promise<number> {
  let [total, tokens] = [0, 0];
  for (let from = 0; from < examples.length; from += scoredAtOnce) {
    const sequences = examples
      .slice(from, from + scoredAtOnce)
      .map((example) => toSequence(renderer, example));
    const scored = await weights.logprobs({ sequences }, 'policy');
    for (const [index, sequence] of sequences.entries()) {
      sequence.weights.forEach((weight, t) => {
        if (weight === 0) return;
        total -= scored[index]![t]!;
        tokens++;
      });
    }
  }
  return total / tokens;
}

/** Joins prompt and completion into one sequence in which completion tokens have weight 1. */
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
