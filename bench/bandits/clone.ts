import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { tinyModel, writeInitialModel } from '../../scripts/base-model/initial-model.ts';
import { banditOf } from '../../src/core/bandit/bandit.ts';
import { type BanditEpisode, episodeOf } from '../../src/core/bandit/regret.ts';
import type { TrainingSequence } from '../../src/core/batch.ts';
import { crossEntropyLoss } from '../../src/core/loss-spec.ts';
import type { Problem } from '../../src/core/problem.ts';
import { openEmbeddedEngine } from '../../src/engines/embedded/engine.ts';
import type { LearningEngine } from '../../src/engines/engine.ts';
import { bandit, banditConfig, openBandit } from '../../src/environments/bandit.ts';
import { playOracle } from '../../src/environments/bandit/play-oracle.ts';
import { openCallResults, recordCalls } from '../../src/environments/call-results.ts';
import { type Exploration, exploration } from '../../src/evaluation/exploration/exploration.ts';
import { bandits, banditsConfig, drawBandits } from '../../src/problems/bandit-source.ts';
import { rollAll } from '../../src/rollout/roll-groups.ts';
import { openRegret, regret, regretConfig } from '../../src/verifiers/regret.ts';

/** Results of a clone of UCB on the same bandits as the algorithms. */
export interface CloneResult {
  readonly parameters: number;
  readonly trainingSeconds: number;
  /** Seconds that the clone took for all episodes. */
  readonly seconds: number;
  readonly clone: Exploration;
  readonly ucb: Exploration;
  readonly greedy: Exploration;
}

const episodesPerStep = 24;
const rendering = 'raw' as const;
/** The tiny model's vocabulary has no letters. */
const prompt = [{ role: 'user' as const, content: '=?' }];

const draw = (count: number, turns: number, split: 'train' | 'held-out'): Problem[] =>
  Array.from(
    drawBandits(banditsConfig.parse(bandits({ count, arms: 4, gap: 0.4, turns, split }))),
    (problem) => ({ ...problem, prompt }),
  );

/** Trains a tiny model to imitate UCB, then runs it on `episodes` bandits. */
export async function playClone({
  steps,
  episodes,
  turns,
}: {
  readonly steps: number;
  readonly episodes: number;
  readonly turns: number;
}): Promise<CloneResult> {
  const folder = mkdtempSync(join(tmpdir(), 'gradus-bandits-'));
  try {
    const config = { ...tinyModel.config, maxPositions: 512 };
    await writeInitialModel(folder, 1, { ...tinyModel, config });
    await using engine = await openEmbeddedEngine({ model: folder });
    const begun = performance.now();
    const taught = draw(steps * episodesPerStep, turns, 'train');
    for (let step = 0; step < steps; step++)
      await imitate(engine, taught.slice(step * episodesPerStep, (step + 1) * episodesPerStep), step, steps);
    const trained = performance.now();
    const problems = draw(episodes, turns, 'held-out');
    const played = await play(engine, problems, turns);
    const seconds = (performance.now() - trained) / 1000;
    const oracle = (name: 'ucb' | 'greedy') =>
      exploration(problems.map((problem, seed) => playOracle(name, banditOf(problem), seed)));
    return {
      parameters: engine.sampler.info.parameters!,
      trainingSeconds: (trained - begun) / 1000,
      seconds,
      clone: exploration(played),
      ucb: oracle('ucb'),
      greedy: oracle('greedy'),
    };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Takes one cross-entropy step on the choices of UCB; rewards are given tokens with weight 0. */
async function imitate(
  engine: LearningEngine,
  problems: readonly Problem[],
  step: number,
  steps: number,
): Promise<void> {
  const sequences = problems.map((problem, i) =>
    sequenceOf(engine, playOracle('ucb', banditOf(problem), step * episodesPerStep + i)),
  );
  const tokens = sequences.reduce(
    (sum, { weights }) => sum + weights.filter((weight) => weight > 0).length,
    0,
  );
  for (const { weights } of sequences) weights.forEach((weight, t) => (weights[t] = weight / tokens));
  await engine.learner.forwardBackward({ sequences }, crossEntropyLoss);
  const learningRate = 3e-3 * Math.min(1, (step + 1) / 20, (2 * (steps - step)) / steps);
  const adam = { beta1: 0.9, beta2: 0.98, epsilon: 1e-8, weightDecay: 0, maxGradNorm: 1 };
  await engine.learner.optimStep({ learningRate, ...adam });
}

function sequenceOf(
  { renderer }: LearningEngine,
  { choices, rewards }: BanditEpisode,
): TrainingSequence & { readonly weights: Float32Array } {
  const tokens = [...renderer.render(prompt)];
  const weights = tokens.map(() => 0);
  for (const [turn, arm] of choices.entries()) {
    for (const [text, weight] of [
      [`${arm! + 1}=`, 1],
      [`${rewards[turn]};`, 0],
    ] as const) {
      const added = renderer.encode(text);
      tokens.push(...added);
      weights.push(...Array.from(added, () => weight));
    }
  }
  const blank = new Float32Array(tokens.length);
  return {
    tokens: Int32Array.from(tokens),
    weights: Float32Array.from(weights),
    advantages: blank,
    rolloutLogprobs: blank,
  };
}

/** Attempts every problem once, at temperature 1. */
async function play(
  engine: LearningEngine,
  problems: readonly Problem[],
  turns: number,
): Promise<BanditEpisode[]> {
  using results = openCallResults(':memory:');
  await using environment = openBandit(banditConfig.parse(bandit({ form: 'inline', rendering })));
  await using verifier = openRegret(regretConfig.parse(regret()));
  const environments = { of: () => environment, call: recordCalls(results) };
  const groups = await rollAll(
    { engine, verifierFor: () => verifier, environments },
    { problems, rollouts: 1, maxTokens: 4 * turns, temperature: 1, seed: 1 },
  );
  return groups.map(({ problem, rollouts }) =>
    episodeOf(banditOf(problem), rollouts[0]!.transcripts.at(-1)!),
  );
}
