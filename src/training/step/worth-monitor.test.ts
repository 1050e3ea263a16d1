import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { auto } from '../../curriculum/samplers/auto.ts';
import { prioritised } from '../../curriculum/samplers/prioritised.ts';
import { stage } from '../../curriculum/stage.ts';
import type { StagingWorth } from '../../curriculum/worth/staging-worth.ts';
import { openPassRateStore } from '../../difficulty/pass-rates/sqlite-store.ts';
import { defineRecipe } from '../../recipe/define-recipe.ts';
import { checkRecipe } from '../../recipe/resolve-stage.ts';
import { createPendingWork } from '../../rollout/pending.ts';
import { createRun } from '../../runs/writing/create-run.ts';
import { openRun } from '../../runs/writing/open-run.ts';
import { runDigest } from '../../../test/runs/run-digest.ts';
import { openRunReader } from '../../runs/reading/run-reader.ts';
import type { Run } from '../../runs/writing/run.ts';
import { mathProblem, scriptedEngine } from '../../testing/index.ts';
import { openVerifier, verifierConfig } from '../../verifiers/config.ts';
import { train } from '../controller.ts';
import type { TrainingEvent } from '../events.ts';
import { controllerStart, controllerState } from '../state.ts';
import { makeFastFolder } from '../../../test/runs/fast-folder.ts';

/** Twenty families of four problems; those of the first eight are solved in half of the attempts, the others never. */
const problems = Array.from({ length: 80 }, (_, i) =>
  mathProblem({ id: `p${i}`, family: `f${i % 20}`, answer: '4' }),
);
const mixedProblems = problems.map((problem, i) => ({ ...problem, domain: i < 60 ? 'math' : 'code' }));
const complete = (key: string, index: number): string =>
  Number(key.slice(1)) % 20 < 8 && index % 2 === 0 ? '\\boxed{4}' : '\\boxed{5}';

type Sampler = Parameters<typeof stage>[1]['sampler'];

const recipeOf = (sampler: Sampler, maxSteps = 24) =>
  defineRecipe({
    name: 'worth',
    policy: { model: 'none' },
    problems: [{ type: 'generated', split: 'train', perCell: 1 }],
    verifiers: { math: { type: 'math', extraction: 'boxed' } },
    algorithm: { type: 'dapo' },
    optimizer: { learningRate: 1e-3 },
    sampling: { maxTokens: 32 },
    batch: { problems: 8, groupSize: 4 },
    stages: [stage('all', { maxSteps, ...(sampler !== undefined && { sampler }) })],
    checkpoints: { type: 'checkpoints', everySteps: 7 },
  });

/** Creates an engine whose gradient norms grow with the batch and vary between steps. */
function measuredEngine() {
  const engine = scriptedEngine({ complete });
  const norm = (sequences: number): number => Math.sqrt(sequences) * (1 + 0.02 * (engine.policyVersion % 3));
  engine.optimStep = async (step) => ({
    ...(await Object.getPrototypeOf(engine).optimStep.call(engine, step)),
    gradNorm: 1.2 * norm(engine.trained.at(-1)!.batch.sequences.length),
  });
  return Object.assign(engine, {
    gradientNorm: ({ sequences }: { sequences: readonly unknown[] }) =>
      Promise.resolve(norm(sequences.length)),
  });
}

async function trainIn(
  run: Run,
  recipe: ReturnType<typeof recipeOf>,
  report: (event: TrainingEvent) => void = () => {},
  signal?: AbortSignal,
  pool = problems,
): Promise<void> {
  const engine = measuredEngine();
  const checkpoint = await run.latestCheckpoint();
  if (checkpoint !== undefined) await engine.loadState(checkpoint.engineState);
  await using verifier = openVerifier(verifierConfig.parse({ type: 'math', extraction: 'boxed' }));
  using store = openPassRateStore(join(run.directory, 'pass-rates.sqlite'));
  const parts = { recipe, engine, problems: pool, run, store, report, suites: [], warnings: [] };
  const state =
    checkpoint === undefined ? controllerStart : controllerState.parse(checkpoint.controllerState);
  const shared = { verifierFor: () => verifier, pending: createPendingWork(), knownPassRates: new Map() };
  await train({ ...parts, ...shared, levels: checkRecipe(recipe), ...(signal && { signal }) }, state);
}

async function newRun(recipe: ReturnType<typeof recipeOf>): Promise<Run> {
  const root = makeFastFolder('worth');
  onTestFinished(() => rm(root, { recursive: true, force: true }));
  return await createRun(root, { name: recipe.name, recipe, seed: recipe.seed });
}

test('reports the worth of selection after twenty steps, and records the lost signal from the second split on', async () => {
  const recipe = recipeOf(undefined);
  await using run = await newRun(recipe);
  const told: TrainingEvent[] = [];
  await trainIn(run, recipe, (event) => told.push(event));
  using reader = await openRunReader(run.directory);
  const event = reader.events().find(({ type }) => type === 'staging-worth')!;
  const worth = event.data as StagingWorth;
  expect(event).toMatchObject({ step: 20, stage: 'all' });
  expect(told.filter(({ type }) => type === 'staging-worth')).toMatchObject([{ message: event.message }]);
  expect(worth.isBatchMeasured).toBe(true);
  expect(worth.records).toBe(160);
  // Two fifths of the pool are live: eight of the twenty families.
  expect(worth.liveUniform.low).toBeLessThan(0.4);
  expect(worth.liveUniform.high).toBeGreaterThan(0.4);
  expect(worth.liveSelected.mean).toBeGreaterThan(0.7);
  expect(worth.speedup.mean).toBeGreaterThan(1);
  expect(reader.metric('gradient/noise').steps).toEqual(Float64Array.of(5, 10, 15, 20));
  expect(reader.metric('group/signalLost').steps[0]).toBe(10);
  expect(reader.metric('staging/worth')).toEqual({
    steps: Float64Array.of(20),
    values: Float64Array.of(worth.speedup.mean),
  });
});

test.each([3, 13, 19, 21])(
  'a run stopped after step %i and resumed records the same values',
  async (stopAt) => {
    const recipe = recipeOf(undefined);
    await using whole = await newRun(recipe);
    await trainIn(whole, recipe);
    const abort = new AbortController();
    const { directory } = await (async () => {
      await using run = await newRun(recipe);
      const stop = (event: TrainingEvent): void => {
        if (event.type === 'step' && event.step === stopAt) abort.abort();
      };
      await expect(trainIn(run, recipe, stop, abort.signal)).rejects.toThrow('abort');
      return run;
    })();
    await using resumed = await openRun(directory);
    await trainIn(resumed, recipe);
    expect(await runDigest(directory)).toEqual(await runDigest(whole.directory));
  },
);

test('uses the shares that the sampler auto measured in each domain of a mix', async () => {
  const recipe = recipeOf(auto());
  const mixed = {
    ...recipe,
    verifiers: { ...recipe.verifiers, code: recipe.verifiers['math']! },
    stages: recipe.stages.map((one) => ({ ...one, mix: { math: 3, code: 1 } })),
  };
  await using run = await newRun(mixed);
  await trainIn(run, mixed, undefined, undefined, mixedProblems);
  using reader = await openRunReader(run.directory);
  const event = reader.events().find(({ type }) => type === 'staging-worth')!;
  const { liveUniform } = event.data as StagingWorth;
  const own = ['math', 'code'].map(
    (domain) => reader.metric(`sampler/${domain}/liveUniform`, { from: 20, to: 20 }).values[0]!,
  );
  expect(Math.abs(liveUniform.mean - (0.75 * own[0]! + 0.25 * own[1]!))).toBeLessThan(0.08);
});

test('uses the shares that the sampler auto measured, and makes no estimate for other samplers', async () => {
  for (const [sampler, isEstimated] of [
    [auto(), true],
    [prioritised(), false],
  ] as const) {
    const recipe = recipeOf(sampler);
    await using run = await newRun(recipe);
    await trainIn(run, recipe);
    using reader = await openRunReader(run.directory);
    const event = reader.events().find(({ type }) => type === 'staging-worth');
    expect(event !== undefined).toBe(isEstimated);
    expect(reader.metric('group/signalLost').steps.length).toBeGreaterThan(0);
    if (event === undefined) continue;
    const { liveUniform, records } = event.data as StagingWorth;
    const own = reader.metric('sampler/liveUniform', { from: 20, to: 20 }).values[0]!;
    expect(Math.abs(liveUniform.mean - own)).toBeLessThan(0.08);
    expect(records).toBeUndefined();
  }
});
