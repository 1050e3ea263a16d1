import { sizes, writeInitialModel } from '../../scripts/base-model/initial-model.ts';
import { createAlgorithm } from '../../src/algorithms/algorithm.ts';
import { grpo } from '../../src/algorithms/grpo.ts';
import { adamw, optimizerConfig } from '../../src/algorithms/optimizer.ts';
import type { ScoredGroup } from '../../src/algorithms/scored-group.ts';
import type { Problem } from '../../src/core/problem.ts';
import { finishReasonOf, type Rollout, type RolloutGroup, writtenTokens } from '../../src/core/rollout.ts';
import { lastAnswer } from '../../src/core/transcript.ts';
import { createStageSampler } from '../../src/curriculum/samplers/stage-sampler.ts';
import { stage } from '../../src/curriculum/stage.ts';
import { reinforceStages } from '../../src/curriculum/stages.ts';
import { createStarts } from '../../src/curriculum/starts/create-starts.ts';
import { prompt } from '../../src/curriculum/starts/prompt.ts';
import { restart } from '../../src/curriculum/starts/restart.ts';
import { openEmbeddedEngine } from '../../src/engines/embedded/engine.ts';
import type { LearningEngine } from '../../src/engines/engine.ts';
import { generated } from '../../src/problems/generated-source.ts';
import { defineRecipe } from '../../src/recipe/define-recipe.ts';
import { resolveStage } from '../../src/recipe/resolve-stage.ts';
import { rollAll } from '../../src/rollout/roll-groups.ts';
import { mean, sum } from '../../src/statistics/summary.ts';
import { superviseModel } from '../../src/supervised/supervised.ts';
import { startOutcome } from '../../src/training/stages/observe-groups.ts';
import { type LiveStage, rollBatch } from '../../src/training/step/collect-batch.ts';
import { learnFrom } from '../../src/training/step/learn.ts';
import { mathAnswer } from '../../src/verifiers/math/verifier.ts';
import {
  demonstrations,
  mark,
  searchProblems,
  searchVerifier,
  separator,
  triesOf,
} from './search-and-check.ts';

const armStarts = {
  prompt: prompt(),
  restart: restart({ share: 0.5, from: 'incorrect', backtrack: 2, separator, mark }),
};
export type ArmName = keyof typeof armStarts;
export const armNames = Object.keys(armStarts) as ArmName[];

/** Attempts at held-out problems from the prompt alone. */
export interface Measured {
  /** Share of correct attempts. */
  readonly accuracy: number;
  /** Share of attempts that ended after a failed try. */
  readonly endsAfterMiss: number;
  /** Share of failed tries, among those with room for another, after which the attempt goes on. */
  readonly goesOn: number;
  /** Mean number of tokens. */
  readonly tokens: number;
}

/** Result of an arm with one seed. */
export interface ArmResult extends Measured {
  readonly steps: number;
  /** Tokens that the policy wrote while it learned. */
  readonly written: number;
  readonly rollouts: number;
  /** Share of groups without an advantage. */
  readonly zeroAdvantage: number;
  /** Share of groups that began after a wrong attempt. */
  readonly restarted: number;
  /** Share of correct attempts at the training problems after the mark, forced after a failed try. */
  readonly forced: number;
}

const maxTokens = 90;
const attempts = 16;
const verifierFor = () => searchVerifier;

/** Writes a model of 100,000 parameters that knows the format and mostly gives up after a failed try. */
export async function writeFormatTuned(folder: string, model: string): Promise<Measured> {
  const shape = { hiddenSize: 64, layers: 2, heads: 2, keyValueHeads: 2, intermediateSize: 192 };
  const { config, ...rest } = sizes['tiny']!;
  await writeInitialModel(folder, 1, { config: { ...config, ...shape }, ...rest });
  await using engine = await openEmbeddedEngine({ model: folder, lanes: 1, threads: 1, exportType: 'f32' });
  await superviseModel(engine, demonstrations(searchProblems('train'), 32_000), {
    batchSize: 64,
    epochs: 1,
    seed: 1,
    optimizer: optimizerConfig.parse(
      adamw({ learningRate: 3e-3, beta2: 0.98, warmupSteps: 20, schedule: 'cosine' }),
    ),
  });
  await engine.weights.exportModel(model);
  return await measure(engine, 1);
}

/** Trains the format-tuned model until it has written `tokens`, then measures it from the prompt alone. */
export async function runArm(model: string, arm: ArmName, seed: number, tokens: number): Promise<ArmResult> {
  await using engine = await openEmbeddedEngine({ model, lanes: 1, threads: 1 });
  const live = openArm(arm, seed);
  const groups: ScoredGroup[] = [];
  let [written, step] = [0, 0];
  while (written < tokens) {
    step++;
    const batch = await rollBatch({ engine, verifierFor }, live, { step, stepInStage: step - 1, seed });
    await learnFrom(engine, live, batch.admitted, { step, lastStep: step });
    live.starts?.observe(batch.groups.map(startOutcome));
    groups.push(...batch.groups);
    written += sum(batch.groups.flatMap(({ rollouts }) => rollouts.map(writtenTokens)));
  }
  return {
    ...(await measure(engine, seed + 1000)),
    steps: step,
    written,
    rollouts: sum(groups.map(({ rollouts }) => rollouts.length)),
    zeroAdvantage: mean(groups.map(({ isZeroAdvantage }) => Number(isZeroAdvantage))),
    restarted: mean(groups.map(({ start }) => Number(start !== undefined))),
    forced: await accuracyAfterMark(engine, seed + 2000),
  };
}

function openArm(arm: ArmName, seed: number): LiveStage {
  const recipe = defineRecipe({
    name: 'bench-restart',
    policy: { model: 'none' },
    problems: [generated({ domain: 'math', split: 'train', perCell: 1 })],
    verifiers: { math: mathAnswer({ extraction: 'boxed' }) },
    algorithm: grpo({ clipHigh: 0.28 }),
    optimizer: adamw({ learningRate: 5e-4, beta2: 0.98 }),
    sampling: { maxTokens },
    batch: { problems: 32, groupSize: 8 },
    stages: [stage(arm, { maxSteps: 1000, starts: armStarts[arm] })],
  });
  const settings = resolveStage(recipe, reinforceStages(recipe.stages)[0]!);
  const problems = searchProblems('train');
  const measured = { successes: 0, trials: 0 };
  const pool = problems.map(({ id, domain }) => ({ id, domain, levels: [], measured }));
  return {
    settings,
    algorithm: createAlgorithm(settings.algorithm),
    problems: new Map(problems.map((problem) => [problem.id, problem])),
    levels: new Map(),
    sampler: createStageSampler(settings.config, pool, seed, settings.groupSize),
    starts: createStarts(
      settings.config.starts!,
      pool.map(({ id }) => ({ id, measured, hasSolution: false })),
      seed,
    ),
    gates: [],
  };
}

/** Attempts held-out problems from the prompt alone. */
async function measure(engine: LearningEngine, seed: number): Promise<Measured> {
  const groups = await attempt(engine, searchProblems('held-out'), seed);
  const all = groups.flatMap(({ problem, rollouts }) =>
    rollouts.map((rollout) => ({ rollout, tries: triesOf(problem, answerOf(rollout)) })),
  );
  const stopped = all.filter(({ rollout }) => finishReasonOf(rollout) === 'stop');
  const misses = sum(stopped.map(({ tries }) => tries.filter((isHit) => !isHit).length));
  const ended = stopped.filter(({ tries }) => tries.at(-1) !== true).length;
  return {
    accuracy: mean(all.map(({ rollout }) => Number(rollout.verdict.outcome === 'correct'))),
    endsAfterMiss: ended / all.length,
    goesOn: misses === 0 ? 1 : 1 - ended / misses,
    tokens: mean(all.map(({ rollout }) => writtenTokens(rollout))),
  };
}

const answerOf = ({ transcripts }: Rollout): string => lastAnswer(transcripts[0]!);

/** Continues failed first tries at held-out problems after a forced mark; returns the share that succeeds. */
async function accuracyAfterMark(engine: LearningEngine, seed: number): Promise<number> {
  const problems = searchProblems('held-out');
  const starts = new Map(
    problems.map((problem) => {
      const [start, target] = problem.answer!.split(' ').map(Number);
      const add = (start! + 2) % 10 === target ? 2 : 1;
      const middle = (start! + add) % 10;
      const miss = (middle + add) % 10;
      const text = `${start}+${add}=${middle}+${add}=${miss}:${target}-${miss}=${(10 + target! - miss) % 10}n${separator}${mark}`;
      return [problem.id, { kind: 'incorrect' as const, tokens: engine.renderer.encode(text), text }];
    }),
  );
  const groups = await rollAll(
    { engine, verifierFor },
    { problems, rollouts: attempts, maxTokens, temperature: 1, seed, starts },
  );
  return mean(
    groups.flatMap(({ rollouts }) => rollouts.map(({ verdict }) => Number(verdict.outcome === 'correct'))),
  );
}

const attempt = (
  engine: LearningEngine,
  problems: readonly Problem[],
  seed: number,
): Promise<RolloutGroup[]> =>
  rollAll({ engine, verifierFor }, { problems, rollouts: attempts, maxTokens, temperature: 1, seed });
