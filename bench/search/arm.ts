import { algorithmConfig, createAlgorithm } from '../../src/algorithms/algorithm.ts';
import { grpo } from '../../src/algorithms/grpo.ts';
import { overrideReward, partsReward, r1SearcherRewards, rewardConfig } from '../../src/algorithms/reward.ts';
import { scoreGroup } from '../../src/algorithms/scored-group.ts';
import { buildTrainingBatch } from '../../src/algorithms/training-batch.ts';
import type { TrainingSequence } from '../../src/core/batch.ts';
import type { Problem } from '../../src/core/problem.ts';
import { createRng } from '../../src/core/rng.ts';
import type { RolloutGroup } from '../../src/core/rollout.ts';
import { openEmbeddedEngine } from '../../src/engines/embedded/engine.ts';
import type { LearningEngine } from '../../src/engines/engine.ts';
import type { Environments } from '../../src/environments/environment.ts';
import { rollAll } from '../../src/rollout/roll-groups.ts';
import type { Verifier } from '../../src/verifiers/verifier.ts';

/** A way to train: steps under each of R1-Searcher's two rewards, with or without the mask on passages. */
export interface Arm {
  readonly name: string;
  readonly searchSteps: number;
  readonly answerSteps: number;
  /** If false, the policy also learns to predict the given passages, as if it had written them. */
  readonly isMasked: boolean;
}

/** Problems on which an arm is trained and evaluated. */
export interface ArmData {
  readonly seed: number;
  readonly train: readonly Problem[];
  readonly heldOut: readonly Problem[];
  readonly environments: Environments;
  readonly verifier: Verifier;
}

/** Shares of correct attempts on held-out people, in percent, and searches per attempt. */
export interface Accuracy {
  readonly oneHop: number;
  readonly twoHops: number;
  readonly searches: number;
}

/** Held-out accuracy at the start and the end, and without the tool at the end. */
export interface ArmResult {
  readonly start: Accuracy;
  readonly end: Accuracy;
  readonly closedBook: Accuracy;
  readonly seconds: number;
}

/** Maximum number of tokens written per attempt: two searches and an answer take 12. */
const maxTokens = 20;
const problemsPerStep = 24;
const groupSize = 8;
const learningRate = 1e-3;

const algorithm = createAlgorithm(algorithmConfig.parse(grpo({ clipHigh: 0.28 })));
const rewards = [r1SearcherRewards.search, r1SearcherRewards.answer].map((stage) =>
  overrideReward(rewardConfig.parse(partsReward({ weights: {} })), stage),
);

/** Trains the tiny model and measures it before and after. */
export async function runArm(model: string, arm: Arm, data: ArmData): Promise<ArmResult> {
  const begun = performance.now();
  await using engine = await openEmbeddedEngine({ model });
  const start = await measure(engine, data);
  const order = createRng(data.seed, 'bench-search');
  for (let step = 0; step < arm.searchSteps + arm.answerSteps; step++)
    await trainStep(engine, arm, data, step, order.shuffle(data.train).slice(0, problemsPerStep));
  const end = await measure(engine, data);
  const { environments: _environments, ...closed } = data;
  const closedBook = await measure(engine, closed);
  return { start, end, closedBook, seconds: (performance.now() - begun) / 1000 };
}

async function trainStep(
  engine: LearningEngine,
  { searchSteps, isMasked }: Arm,
  { environments, verifier, seed }: ArmData,
  step: number,
  problems: readonly Problem[],
): Promise<void> {
  const groups = await rollAll(
    { engine, verifierFor: () => verifier, environments },
    { problems, rollouts: groupSize, maxTokens, temperature: 1, seed: seed * 1000 + step },
  );
  const reward = rewards[step < searchSteps ? 0 : 1]!;
  const scored = groups.map((group) => scoreGroup(group, algorithm, { reward, maxTokens }));
  const { sequences } = buildTrainingBatch(scored, algorithm, { maxTokens });
  if (sequences.length === 0) return;
  const learned = isMasked ? sequences : await unmask(engine, sequences);
  await engine.learner.forwardBackward({ sequences: learned }, algorithm.lossSpec({ temperature: 1 }));
  await engine.learner.optimStep({
    learningRate,
    beta1: 0.9,
    beta2: 0.98,
    epsilon: 1e-8,
    weightDecay: 0,
    maxGradNorm: 1,
  });
}

/** Gives passages the weight and the advantage of the tokens around them, and the policy's own log-probabilities. */
async function unmask(
  engine: LearningEngine,
  sequences: readonly TrainingSequence[],
): Promise<TrainingSequence[]> {
  const own = await engine.weights.logprobs({ sequences }, 'policy');
  return sequences.map((sequence, i) => {
    const first = sequence.weights.findIndex((weight) => weight > 0);
    const isGiven = (t: number): boolean => t >= first && sequence.weights[t] === 0;
    const filled = (array: Float32Array, value: (t: number) => number): Float32Array =>
      array.map((old, t) => (isGiven(t) ? value(t) : old));
    return {
      ...sequence,
      weights: filled(sequence.weights, () => sequence.weights[first]!),
      advantages: filled(sequence.advantages, () => sequence.advantages[first]!),
      rolloutLogprobs: filled(sequence.rolloutLogprobs, (t) => own[i]![t]!),
    };
  });
}

async function measure(
  engine: LearningEngine,
  { heldOut, verifier, environments }: Omit<ArmData, 'environments'> & Partial<Pick<ArmData, 'environments'>>,
): Promise<Accuracy> {
  const groups = await rollAll(
    { engine, verifierFor: () => verifier, environments },
    { problems: heldOut, rollouts: 1, maxTokens, temperature: 1, seed: 7 },
  );
  const share = (family: string): number => {
    const rollouts = rolloutsOf(groups.filter(({ problem }) => problem.family === family));
    return (100 * rollouts.filter(({ verdict }) => verdict.outcome === 'correct').length) / rollouts.length;
  };
  const all = rolloutsOf(groups);
  const calls = all.flatMap(({ transcripts }) =>
    transcripts[0]!.messages.flatMap((message) => message.calls ?? []),
  );
  return { oneHop: share('1 hop'), twoHops: share('2 hops'), searches: calls.length / all.length };
}

const rolloutsOf = (groups: readonly RolloutGroup[]) => groups.flatMap(({ rollouts }) => rollouts);
