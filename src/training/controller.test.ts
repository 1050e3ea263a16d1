import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { auto } from '../curriculum/samplers/auto.ts';
import { maxSteps } from '../curriculum/advance-rules.ts';
import { thompsonPassRate } from '../curriculum/samplers/thompson-pass-rate.ts';
import { stage } from '../curriculum/stage.ts';
import { restart } from '../curriculum/starts/restart.ts';
import { reveal } from '../curriculum/starts/reveal.ts';
import { zeroAdvantage } from '../curriculum/gates/zero-advantage.ts';
import { allOf, band } from '../difficulty/levels/level-rules.ts';
import { simpleLevels } from '../difficulty/levels/level-presets.ts';
import { openPassRateStore } from '../difficulty/pass-rates/sqlite-store.ts';
import { ahead } from '../recipe/batch-source.ts';
import { defineRecipe } from '../recipe/define-recipe.ts';
import type { Recipe, RecipeInput } from '../recipe/recipe.ts';
import { checkRecipe } from '../recipe/resolve-stage.ts';
import { createPendingWork } from '../rollout/pending.ts';
import { createRun } from '../runs/writing/create-run.ts';
import { openRun } from '../runs/writing/open-run.ts';
import type { Run } from '../runs/writing/run.ts';
import { runDigest } from '../../test/runs/run-digest.ts';
import { readStartedBatches } from '../runs/files/started-batches.ts';
import { openRunReader } from '../runs/reading/run-reader.ts';
import { mathProblem, scriptedEngine, type ScriptedEngine, scriptedEnvironment } from '../testing/index.ts';
import { openVerifier, verifierConfig } from '../verifiers/config.ts';
import { train } from './controller.ts';
import type { TrainingEvent } from './events.ts';
import type { TrainingContext } from './training-context.ts';
import { controllerStart, controllerState } from './state.ts';
import { watchRun } from './follow-run.ts';
import { makeFastFolder } from '../../test/runs/fast-folder.ts';

let root = '';
beforeEach(async () => {
  root = makeFastFolder('controller');
});
afterEach(() => rm(root, { recursive: true, force: true }));

const problems = Array.from({ length: 12 }, (_, i) =>
  mathProblem({ id: `p${i}`, answer: String(i), solution: `It is \\boxed{${i}}` }),
);

/** Solves problem i in i of 12 attempts, whatever the policy. */
const answers = (key: string, index: number): string => {
  const n = Number(key.slice(1));
  return `\\boxed{${(index * 5) % 12 < n ? n : n + 1}}`;
};

const recipeWith = (changes: Partial<RecipeInput>): Recipe =>
  defineRecipe({
    name: 'scripted',
    policy: { model: 'none' },
    problems: [{ type: 'generated', split: 'train', perCell: 1 }],
    verifiers: { math: { type: 'math', extraction: 'boxed' } },
    difficulty: { type: 'pass-rate', rollouts: 4, maxTokens: 32 },
    algorithm: { type: 'dapo' },
    optimizer: { learningRate: 1e-3 },
    sampling: { maxTokens: 32 },
    batch: { problems: 4, groupSize: 4 },
    stages: [
      stage('one', { maxSteps: 3, gates: [zeroAdvantage()] }),
      stage('two', { maxSteps: 4, remeasure: { rollouts: 4, dropAlwaysSolved: true } }),
    ],
    evaluation: [
      {
        name: 'held-out',
        rollouts: 1,
        maxTokens: 32,
        every: 2,
        problems: [{ type: 'generated', split: 'held-out', perCell: 1 }],
      },
    ],
    checkpoints: { type: 'checkpoints', everySteps: 2 },
    ...changes,
  });

async function trainIn(
  run: Run,
  recipe: Recipe,
  engine: ScriptedEngine,
  more: Partial<TrainingContext> = {},
) {
  const checkpoint = await run.latestCheckpoint();
  if (checkpoint !== undefined) await engine.loadState(checkpoint.engineState);
  const state =
    checkpoint === undefined ? controllerStart : controllerState.parse(checkpoint.controllerState);
  const started = checkpoint === undefined ? [] : await readStartedBatches(checkpoint.started);
  await using verifier = openVerifier(verifierConfig.parse({ type: 'math', extraction: 'boxed' }));
  using store = openPassRateStore(join(run.directory, 'pass-rates.sqlite'));
  const suites = recipe.evaluation.map(({ problems: _, ...config }) => ({
    config,
    problems: problems.slice(0, 3),
  }));
  await train(
    {
      recipe,
      engine,
      verifierFor: () => verifier,
      pending: createPendingWork(),
      problems,
      suites,
      levels: checkRecipe(recipe),
      knownPassRates: new Map(),
      warnings: [],
      run,
      store,
      report: () => {},
      ...more,
    },
    state,
    started,
  );
}

const newRun = (recipe: Recipe, folder = root): Promise<Run> =>
  createRun(folder, { name: recipe.name, recipe, seed: recipe.seed });

test('runs all stages and records their steps, metrics, groups and evaluations', async () => {
  const recipe = recipeWith({});
  const engine = scriptedEngine({ complete: answers });
  await using run = await newRun(recipe);
  await trainIn(run, recipe, engine);
  using reader = await openRunReader(run.directory);
  expect(reader.summary()).toMatchObject({ status: 'finished', step: 7, stage: 'two' });
  expect(reader.stages()).toEqual([
    { stage: 'one', firstStep: 1, lastStep: 3 },
    { stage: 'two', firstStep: 4, lastStep: 7 },
  ]);
  expect(reader.events().map(({ type }) => type)).toContain('stage-end');
  expect(reader.evaluations().map(({ step }) => step)).toEqual([0, 2, 4, 6, 7]);
  expect(reader.metric('reward/mean').values).toHaveLength(7);
  expect(reader.groups({ step: 1 }).length).toBeGreaterThanOrEqual(4);
  // All four attempts of the new measurement solved problem 11, so the stage no longer selects it.
  const second = reader.groups({ stage: 'two' }).map(({ problemId }) => problemId);
  expect(second).not.toContain('p11');
  expect(engine.policyVersion).toBeGreaterThan(0);
});

test('measures at a stage boundary with the sampling settings of the stage, and stores the step', async () => {
  const recipe = recipeWith({ sampling: { maxTokens: 32, topP: 0.9, topK: 5, stop: ['\n'] } });
  await using run = await newRun(recipe);
  await trainIn(run, recipe, scriptedEngine({ complete: answers }));
  using store = openPassRateStore(join(run.directory, 'pass-rates.sqlite'));
  const history = store.history('p3');
  const of = (type: 'base' | 'training' | 'boundary') => history.filter((one) => one.source.type === type);
  expect(of('base')[0]).toMatchObject({ step: 0, conditions: { topP: 1, topK: 0, stop: [] } });
  const staged = { topP: 0.9, topK: 5, stop: ['\n'], maxTokens: 32 };
  expect(of('boundary')).toHaveLength(4);
  expect(of('boundary')[0]!.source).toEqual({ type: 'boundary', stage: 1 });
  expect(of('boundary')[0]).toMatchObject({ step: 3, conditions: staged });
  for (const { conditions } of of('training')) expect(conditions).toMatchObject(staged);
});

test('records the level of each group, and the pass rate per level as a metric', async () => {
  const levels = simpleLevels();
  const recipe = recipeWith({
    levels,
    stages: [stage('some', { select: ['medium', 'hard'], maxSteps: 3 })],
  });
  await using run = await newRun(recipe);
  await trainIn(run, recipe, scriptedEngine({ complete: answers }));
  using reader = await openRunReader(run.directory);
  const groups = reader.groups({ purpose: 'train', step: 1 });
  const known = levels.map(({ name }) => name);
  expect(groups.length).toBeGreaterThan(0);
  expect(known).toEqual(expect.arrayContaining(groups.map(({ level }) => level)));
  for (const [level, members] of Map.groupBy(groups, (group) => group.level)) {
    const [correct, trials] = members.reduce(
      ([c, t], group) => [c + group.correct, t + group.trials],
      [0, 0],
    );
    expect(reader.metricsAt(1)[`level/${level}/passRate`]).toBeCloseTo(correct / trials, 12);
  }
});

test('followRun reports the same events as the training process', async () => {
  const recipe = recipeWith({
    stages: [
      stage('one', { maxSteps: 3, maxRefills: 0, gates: [zeroAdvantage()] }),
      stage('two', { maxSteps: 2 }),
    ],
  });
  const told: TrainingEvent[] = [];
  await using run = await newRun(recipe);
  await trainIn(run, recipe, scriptedEngine({ complete: answers }), { report: (event) => told.push(event) });
  const watched: TrainingEvent[] = [];
  for await (const event of watchRun(run.directory)) watched.push(event);
  const lastStep = watched.findLast(({ type }) => type === 'step');
  for (const type of ['step', 'evaluated', 'stage-start', 'stage-end', 'warning'] as const) {
    const of = (events: readonly TrainingEvent[]) =>
      events.filter((event) => event.type === type).map((event) => ({ ...event, verdicts: undefined }));
    expect(of(watched)).toEqual(JSON.parse(JSON.stringify(of(told))));
    expect(of(told)).not.toHaveLength(0);
  }
  expect(lastStep).toEqual(told.findLast(({ type }) => type === 'step'));
});

test('records the candidates of each stage and the decisions of its exit rule', async () => {
  const recipe = recipeWith({
    levels: simpleLevels(),
    stages: [stage('some', { select: ['medium', 'hard'], maxSteps: 2 })],
  });
  await using run = await newRun(recipe);
  await trainIn(run, recipe, scriptedEngine({ complete: answers }));
  using reader = await openRunReader(run.directory);
  const selected = reader.lists(
    "SELECT count(*) FROM selections WHERE is_selected = 1 AND (levels LIKE '%medium%' OR levels LIKE '%hard%')",
  );
  expect(selected).toEqual(reader.lists('SELECT sum(is_selected) FROM selections'));
  const start = reader.events().find(({ type }) => type === 'stage-start')!;
  expect(selected).toEqual([[(start.data as { problems: number }).problems]]);
  expect(reader.lists('SELECT decision FROM steps').at(-1)).toEqual([
    'stage "some" ends: 2 of at most 2 steps done',
  ]);
  const [[rollouts]] = reader.lists('SELECT count(*) FROM rollouts') as [[number]];
  expect(rollouts).toBe(reader.groups().reduce((sum, group) => sum + group.rollouts, 0));
});

test.each([
  { what: 'two stages', changes: {}, stops: [1, 3, 4, 6] },
  {
    what: 'the sampler auto',
    changes: { difficulty: undefined, stages: [stage('one', { sampler: auto(), maxSteps: 8 })] },
    stops: [1, 2, 5, 7],
  },
  ...[1, 2].map((maxOffPolicySteps) => ({
    what: `rollouts up to ${maxOffPolicySteps} steps old`,
    changes: {
      stages: [
        stage('one', { sampler: thompsonPassRate(), maxSteps: 5, gates: [zeroAdvantage()] }),
        stage('two', { maxSteps: 4, advanceWhen: maxSteps(2) }),
      ],
      batch: { problems: 4, groupSize: 4, source: ahead({ maxOffPolicySteps }) },
    },
    stops: [1, 2, 3, 4, 6],
  })),
  {
    what: 'starts inside solutions',
    changes: { stages: [stage('one', { starts: reveal({ promptShare: 0.3 }), maxSteps: 6 })] },
    stops: [1, 3, 4],
  },
  {
    what: 'restarts from own attempts',
    changes: {
      stages: [stage('one', { starts: restart({ from: 'both', separator: '{' }), maxSteps: 6 })],
    },
    stops: [1, 3, 4],
  },
])('a run that is stopped and resumed equals an uninterrupted one: $what', async ({ changes, stops }) => {
  const recipe = recipeWith(changes);
  const calm = await newRun(recipe, join(root, 'calm'));
  await trainIn(calm, recipe, scriptedEngine({ complete: answers }));
  await calm[Symbol.asyncDispose]();
  const expected = await runDigest(calm.directory);
  for (const stopAt of stops) {
    const abort = new AbortController();
    const report = (event: TrainingEvent): void => {
      if (event.type === 'step' && event.step === stopAt) abort.abort(new Error('stop'));
    };
    const first = await newRun(recipe, join(root, `stop-${stopAt}`));
    const stopped = trainIn(first, recipe, scriptedEngine({ complete: answers }), {
      report,
      signal: abort.signal,
    });
    await expect(stopped).rejects.toThrow('stop');
    await first[Symbol.asyncDispose]();
    await using second = await openRun(first.directory);
    await trainIn(second, recipe, scriptedEngine({ complete: answers }));
    expect(await runDigest(first.directory)).toEqual(expected);
  }
});

test('reports a step that has nothing to learn from, and continues', async () => {
  const recipe = recipeWith({
    stages: [stage('one', { maxSteps: 2, maxRefills: 1, gates: [zeroAdvantage()] })],
  });
  const warnings: string[] = [];
  const report = (event: TrainingEvent): void => {
    if (event.type === 'warning') warnings.push(event.message);
  };
  const engine = scriptedEngine({ complete: () => 'no idea' });
  await using run = await newRun(recipe);
  await trainIn(run, recipe, engine, { report });
  expect(warnings[0]).toMatch(/step 1: 0 of 4 groups passed the gates .* nothing to learn from/);
  expect(engine.policyVersion).toBe(0);
  using reader = await openRunReader(run.directory);
  expect(reader.summary().status).toBe('finished');
  expect(reader.metricsAt(1)).not.toHaveProperty('optim/loss');
});

test('if a step is stopped between two updates, does not save its state as that of the previous step', async () => {
  const recipe = recipeWith({ batch: { problems: 4, groupSize: 4, updates: 2 } });
  const stop = new AbortController();
  const engine = scriptedEngine({ complete: answers });
  const optimStep = engine.optimStep.bind(engine);
  engine.optimStep = async (step) => {
    if (engine.steps.length === 3) {
      stop.abort();
      throw new Error('the worker was stopped too');
    }
    return optimStep(step);
  };
  await using run = await newRun(recipe);
  await expect(trainIn(run, recipe, engine, { signal: stop.signal })).rejects.toThrow('stopped too');
  expect([run.step, engine.policyVersion]).toEqual([1, 3]);
  expect(await run.latestCheckpoint()).toBeUndefined();
});

/** Creates an engine in which the updates with these 1-based numbers have a non-finite gradient. */
function brokenUpdates(isBroken: (update: number) => boolean): ScriptedEngine {
  const engine = scriptedEngine({ complete: answers });
  const optimStep = engine.optimStep.bind(engine);
  let made = 0;
  engine.optimStep = (step) =>
    isBroken(++made)
      ? Promise.resolve({ policyVersion: engine.policyVersion, gradNorm: NaN, applied: false })
      : optimStep(step);
  return engine;
}

test('skips an update whose gradient is not finite, warns, and continues', async () => {
  const recipe = recipeWith({});
  const warnings: string[] = [];
  const report = (event: TrainingEvent): void => {
    if (event.type === 'warning') warnings.push(event.message);
  };
  const engine = brokenUpdates((update) => update === 5);
  await using run = await newRun(recipe);
  await trainIn(run, recipe, engine, { report });
  using reader = await openRunReader(run.directory);
  expect(reader.summary()).toMatchObject({ status: 'finished', step: 7 });
  expect(reader.metricsAt(5)).toMatchObject({ 'optim/updates': 0, 'optim/skippedUpdates': 1 });
  expect(reader.metricsAt(5)).not.toHaveProperty('optim/loss');
  expect(reader.events().filter(({ type }) => type === 'skipped-update')).toHaveLength(1);
  expect(warnings.filter((message) => message.startsWith('step 5: 1 of 1 updates skipped'))).toHaveLength(1);
  expect(engine.policyVersion).toBe(6);
});

test('ends a run after five consecutive steps without a finite gradient, even across a resume', async () => {
  const recipe = recipeWith({});
  const stuckAfter = (steps: number) => brokenUpdates((update) => update > steps);
  {
    await using run = await newRun(recipe);
    await expect(trainIn(run, recipe, stuckAfter(2))).rejects.toThrow(
      /step 7: expected finite gradients, got none in the last 5 steps/u,
    );
    expect((await run.latestCheckpoint())?.step).toBe(6);
  }
  await using again = await openRun(join(root, 'scripted-0001'));
  await expect(trainIn(again, recipe, stuckAfter(0))).rejects.toThrow(/step 7: expected finite gradients/u);
});

test('does not count attempts from starts towards the pass rates of their problems', async () => {
  const recipe = recipeWith({
    stages: [stage('one', { starts: reveal({ promptShare: 0.3 }), maxSteps: 6 })],
  });
  await using run = await newRun(recipe);
  await trainIn(run, recipe, scriptedEngine({ complete: answers }));
  using reader = await openRunReader(run.directory);
  const groupsFrom = (kind: string): number =>
    [1, 2, 3, 4, 5, 6].reduce((sum, step) => sum + (reader.metricsAt(step)[`start/${kind}/groups`] ?? 0), 0);
  expect(groupsFrom('solution')).toBeGreaterThan(0);
  expect(groupsFrom('solution') + groupsFrom('prompt')).toBe(6 * 4);
  using store = new DatabaseSync(join(run.directory, 'pass-rates.sqlite'));
  const { count } = store.prepare('SELECT count(*) AS count FROM observations').get() as { count: number };
  expect(count).toBe(4 * problems.length + 4 * groupsFrom('prompt'));
});

test('selects by pass rates with and without an environment, which the store keeps separate', async () => {
  const needsTool = allOf(band({ min: 0.5 }), band({ model: 'policy-closed-book', max: 0.1 }));
  const recipe = recipeWith({
    environments: { math: { type: 'python' } },
    levels: [{ type: 'level', name: 'needs the tool', rule: needsTool }],
    stages: [stage('tool', { select: 'needs the tool', maxSteps: 1 })],
    evaluation: [],
  });
  // Problems with odd numbers are solved after a reply, those with even numbers in the first turn.
  const engine = scriptedEngine({
    complete: (key, _index, _version, turn) => {
      const n = Number(key.slice(1));
      return n % 2 === 1 && turn === 0 ? 'what?' : `\\boxed{${n}}`;
    },
  });
  const environment = scriptedEnvironment({
    stop: ['?'],
    reply: (_, turn) => ({ reply: turn === 0 ? { type: 'insert', text: ' 5 ' } : { type: 'end' } }),
  });
  const environments = {
    of: () => environment,
    call: async () => ({ outcome: 'ok', text: '' }) as const,
  };
  await using run = await newRun(recipe);
  await trainIn(run, recipe, engine, { environments });
  using reader = await openRunReader(run.directory);
  const trained = reader.rows("SELECT problem_id FROM groups WHERE purpose = 'train'");
  expect(trained).toHaveLength(4);
  expect(trained.every((row) => Number(String(row['problem_id']).slice(1)) % 2 === 1)).toBe(true);
  using store = openPassRateStore(join(run.directory, 'pass-rates.sqlite'));
  const labels = new Set(store.conditions().map(({ verifier }) => verifier.replace(/^math@\S+/, 'math')));
  expect(labels).toEqual(new Set(['math', 'math with scripted@1']));
});

test('rejects a rule on closed-book pass rates without an environment', () => {
  const rule = band({ model: 'policy-closed-book', max: 0.1 });
  expect(() => recipeWith({ levels: [{ type: 'level', name: 'alone', rule }] })).toThrow(
    'got "policy-closed-book"',
  );
});
