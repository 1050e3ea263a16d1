import { createAlgorithm } from '../../src/algorithms/algorithm.ts';
import { grpo } from '../../src/algorithms/grpo.ts';
import { adamw } from '../../src/algorithms/optimizer.ts';
import type { ScoredGroup } from '../../src/algorithms/scored-group.ts';
import type { Problem } from '../../src/core/problem.ts';
import { createStageSampler } from '../../src/curriculum/samplers/stage-sampler.ts';
import { stage } from '../../src/curriculum/stage.ts';
import { reinforceStages } from '../../src/curriculum/stages.ts';
import { createStarts, type startsConfig } from '../../src/curriculum/starts/create-starts.ts';
import { prompt } from '../../src/curriculum/starts/prompt.ts';
import { reveal } from '../../src/curriculum/starts/reveal.ts';
import { countTrials } from '../../src/difficulty/pass-rates/trials.ts';
import { openEmbeddedEngine } from '../../src/engines/embedded/engine.ts';
import type { LearningEngine } from '../../src/engines/engine.ts';
import { generated } from '../../src/problems/generated-source.ts';
import { loadProblems, problemSourceConfig } from '../../src/index.ts';
import { defineRecipe } from '../../src/recipe/define-recipe.ts';
import { resolveStage } from '../../src/recipe/resolve-stage.ts';
import { rollAll } from '../../src/rollout/roll-groups.ts';
import { mean } from '../../src/statistics/summary.ts';
import { type LiveStage, rollBatch } from '../../src/training/step/collect-batch.ts';
import { startOutcome } from '../../src/training/stages/observe-groups.ts';
import { learnFrom } from '../../src/training/step/learn.ts';
import { mathAnswer, mathConfig, openMathAnswer } from '../../src/verifiers/math/verifier.ts';

const starts = {
  prompt: prompt(),
  reveal: reveal(),
  fine: reveal({ step: 1 / 64, promptShare: 0 }),
  likelihood: reveal({ rule: 'likelihood' }),
  shortest: reveal({ rule: 'shortest' }),
} satisfies Record<string, Parameters<typeof startsConfig.parse>[0]>;
export type ArmName = keyof typeof starts;
export const armNames = Object.keys(starts) as ArmName[];

/** Problems with pass rate 0 for the base model. */
export interface HardProblems {
  readonly train: readonly Problem[];
  readonly heldOut: readonly Problem[];
}

/** Results of attempts from the prompt alone. */
interface Measured {
  /** Share of problems solved at least once in 16 attempts. */
  readonly solved: number;
  readonly passRate: number;
}

/** Result of an arm. */
export interface ArmResult {
  /** Share of groups without an advantage, over all steps. */
  readonly zeroAdvantage: number;
  /** Groups without an advantage, as shares of all groups. They sum to `zeroAdvantage`. */
  readonly lost: {
    /** Groups that started at the prompt. */
    readonly prompt: number;
    /** Groups for which too little of the solution was revealed: no attempt succeeded. */
    readonly tooLittle: number;
    /** Groups for which too much of the solution was revealed: all attempts succeeded. */
    readonly tooMuch: number;
  };
  readonly train: Measured;
  readonly heldOut: Measured;
  /** Share of problems for which nothing is revealed at the end. */
  readonly atPrompt: number;
  readonly rollouts: number;
  readonly seconds: number;
}

const attempts = 16;
const maxTokens = 40;
const verifier = openMathAnswer(mathConfig.parse(mathAnswer({ extraction: 'boxed' })));
const verifierFor = () => verifier;

/** Draws problems from all math families and keeps those that the model fails in all 16 attempts. */
export async function hardProblems(model: string, seed: number, perCell: number): Promise<HardProblems> {
  await using engine = await openEmbeddedEngine({ model });
  const draw = async (split: 'train' | 'held-out'): Promise<Problem[]> => {
    const source = problemSourceConfig.parse(generated({ domain: 'math', split, count: 66 * perCell, seed }));
    const groups = await attempt(engine, await loadProblems(source, '.'), seed);
    return groups.flatMap(({ problem, trials }) => (trials.successes === 0 ? [problem] : []));
  };
  return { train: await draw('train'), heldOut: await draw('held-out') };
}

/** Trains the base model with one kind of start, then measures it from the prompt alone. */
export async function runArm(
  model: string,
  arm: ArmName,
  { train, heldOut }: HardProblems,
  { seed, steps }: { readonly seed: number; readonly steps: number },
): Promise<ArmResult> {
  const begun = performance.now();
  await using engine = await openEmbeddedEngine({ model });
  const live = openArm(arm, train, seed, steps);
  const groups: ScoredGroup[] = [];
  for (let step = 1; step <= steps; step++) {
    const moment = { step, stepInStage: step - 1, seed };
    const batch = await rollBatch({ engine, verifierFor }, live, moment);
    await learnFrom(engine, live, batch.admitted, { step, lastStep: steps });
    live.starts?.observe(batch.groups.map(startOutcome));
    groups.push(...batch.groups);
  }
  const measure = async (problems: readonly Problem[]): Promise<Measured> => {
    const attempted = await attempt(engine, problems, seed + 1000);
    return {
      solved: mean(attempted.map(({ trials }) => Number(trials.successes > 0))),
      passRate: mean(attempted.map(({ trials }) => trials.successes / trials.trials)),
    };
  };
  return {
    zeroAdvantage: mean(groups.map(({ isZeroAdvantage }) => Number(isZeroAdvantage))),
    lost: lostGroups(groups),
    train: await measure(train),
    heldOut: await measure(heldOut),
    atPrompt: live.starts?.metrics()['atPrompt'] ?? 1,
    rollouts: groups.reduce((sum, group) => sum + group.rollouts.length, 0),
    seconds: (performance.now() - begun) / 1000,
  };
}

function lostGroups(groups: readonly ScoredGroup[]): ArmResult['lost'] {
  const share = (is: (group: ScoredGroup) => boolean): number =>
    mean(groups.map((group) => Number(group.isZeroAdvantage && is(group))));
  const someSucceed = ({ rollouts }: ScoredGroup): boolean =>
    rollouts.some(({ verdict }) => verdict.outcome === 'correct');
  return {
    prompt: share(({ start }) => start === undefined),
    tooLittle: share((group) => group.start !== undefined && !someSucceed(group)),
    tooMuch: share((group) => group.start !== undefined && someSucceed(group)),
  };
}

function openArm(arm: ArmName, problems: readonly Problem[], seed: number, steps: number): LiveStage {
  const recipe = defineRecipe({
    name: 'bench-starts',
    policy: { model: 'none' },
    problems: [generated({ domain: 'math', split: 'train', perCell: 1 })],
    verifiers: { math: mathAnswer({ extraction: 'boxed' }) },
    algorithm: grpo({ clipHigh: 0.28 }),
    optimizer: adamw({ learningRate: 5e-4, beta2: 0.98 }),
    sampling: { maxTokens },
    batch: { problems: 16, groupSize: 8 },
    stages: [stage(arm, { maxSteps: steps, starts: starts[arm] })],
  });
  const settings = resolveStage(recipe, reinforceStages(recipe.stages)[0]!);
  const pool = problems.map(({ id, domain }) => ({
    id,
    domain,
    levels: [],
    measured: { successes: 0, trials: attempts },
  }));
  const begun = pool.map(({ id, measured }) => ({ id, measured, hasSolution: true }));
  return {
    settings,
    algorithm: createAlgorithm(settings.algorithm),
    problems: new Map(problems.map((problem) => [problem.id, problem])),
    levels: new Map(),
    sampler: createStageSampler(settings.config, pool, seed, settings.groupSize),
    starts: createStarts(settings.config.starts!, begun, seed),
    gates: [],
  };
}

async function attempt(engine: LearningEngine, problems: readonly Problem[], seed: number) {
  const groups = await rollAll(
    { engine, verifierFor },
    { problems, rollouts: attempts, maxTokens, temperature: 1, seed },
  );
  return groups.map(({ problem, rollouts }) => ({
    problem,
    trials: countTrials(rollouts.map(({ verdict }) => verdict)),
  }));
}
