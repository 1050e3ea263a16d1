import { existsSync } from 'node:fs';
import { appendFile, readFile, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { harvest, imitate, solutions } from '../../curriculum/imitate.ts';
import { stage } from '../../curriculum/stage.ts';
import { band } from '../../difficulty/levels/level-rules.ts';
import { level } from '../../difficulty/levels/levels.ts';
import { openPassRateStore } from '../../difficulty/pass-rates/sqlite-store.ts';
import { defineRecipe } from '../../recipe/define-recipe.ts';
import type { Recipe, RecipeInput } from '../../recipe/recipe.ts';
import { checkRecipe } from '../../recipe/resolve-stage.ts';
import { createPendingWork } from '../../rollout/pending.ts';
import { examplesFile, runLayout } from '../../runs/files/layout.ts';
import { runDigest } from '../../../test/runs/run-digest.ts';
import { openRunReader } from '../../runs/reading/run-reader.ts';
import { createRun } from '../../runs/writing/create-run.ts';
import { openRun } from '../../runs/writing/open-run.ts';
import type { Run } from '../../runs/writing/run.ts';
import { mathProblem, scriptedEngine, type ScriptedEngine } from '../../testing/index.ts';
import { openVerifier, verifierConfig } from '../../verifiers/config.ts';
import { train } from '../controller.ts';
import { fineTuningRecipe } from './fine-tune.ts';
import { resumeTraining, startTraining } from '../start.ts';
import { controllerStart, controllerState } from '../state.ts';
import { readRunResult } from '../summary.ts';
import type { TrainingContext } from '../training-context.ts';
import { makeFastFolder } from '../../../test/runs/fast-folder.ts';

let root = '';
beforeEach(async () => {
  root = makeFastFolder('imitate');
});
afterEach(() => rm(root, { recursive: true, force: true }));

const problems = Array.from({ length: 12 }, (_, i) =>
  mathProblem({
    id: `p${i}`,
    prompt: [{ role: 'user', content: `${i}+0=?` }],
    answer: String(i),
    ...(i < 5 && { solution: `so \\boxed{${i}}` }),
  }),
);

const recipeWith = (changes: Partial<RecipeInput>): Recipe =>
  defineRecipe({
    name: 'scripted',
    policy: { model: 'none' },
    problems: [{ type: 'generated', split: 'train', perCell: 1 }],
    verifiers: { math: { type: 'math', extraction: 'boxed' } },
    algorithm: { type: 'dapo' },
    optimizer: { learningRate: 1e-3 },
    sampling: { maxTokens: 32 },
    batch: { problems: 4, groupSize: 4 },
    stages: [imitate('copy', { examples: harvest({ rollouts: 3 }), batchSize: 4, maxSteps: 2 })],
    ...changes,
  });

/** Trains with a scripted engine; the first three problems are also in a suite. */
async function trainIn(
  run: Run,
  recipe: Recipe,
  engine: ScriptedEngine,
  more: Partial<TrainingContext> = {},
) {
  const checkpoint = await run.latestCheckpoint();
  if (checkpoint !== undefined) await engine.loadState(checkpoint.engineState);
  const state = controllerState.parse(checkpoint?.controllerState ?? controllerStart);
  await using verifier = openVerifier(verifierConfig.parse({ type: 'math', extraction: 'boxed' }));
  using store = openPassRateStore(join(run.directory, 'pass-rates.sqlite'));
  const [config] = recipe.evaluation;
  const parts = { verifierFor: () => verifier, pending: createPendingWork(), levels: checkRecipe(recipe) };
  const suites = config === undefined ? [] : [{ config, problems: problems.slice(0, 3) }];
  const rest = { problems, suites, knownPassRates: new Map(), warnings: [], report: () => {} };
  await train({ recipe, engine, ...parts, ...rest, run, store, ...more }, state);
}

const newRun = (recipe: Recipe, folder = root): Promise<Run> =>
  createRun(folder, { name: recipe.name, recipe, seed: recipe.seed });

const rowsOf = async (
  run: Run,
  index = 0,
  part: 'train' | 'held-out' = 'train',
): Promise<Record<string, unknown>[]> =>
  (await readFile(examplesFile(run.directory, index, part), 'utf8'))
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);

const suite: NonNullable<RecipeInput['evaluation']>[number] = {
  name: 'held-out',
  rollouts: 1,
  maxTokens: 32,
  problems: [{ type: 'generated', split: 'held-out', perCell: 1 }],
};

test('harvests correct attempts at training problems, never at problems in a suite', async () => {
  const recipe = recipeWith({ evaluation: [suite] });
  // Only attempt 1 is correct; problems with odd numbers are never solved.
  const engine = scriptedEngine({
    complete: (key, index) =>
      `\\boxed{${index === 1 && Number(key.slice(1)) % 2 === 0 ? key.slice(1) : 'x'}}`,
  });
  await using run = await newRun(recipe);
  await trainIn(run, recipe, engine);
  const rows = await rowsOf(run);
  expect(rows.map(({ problem }) => problem)).toEqual(['p4', 'p6', 'p8', 'p10']);
  expect(rows[0]).toEqual({
    prompt: [{ role: 'user', content: '4+0=?' }],
    completion: '\\boxed{4}',
    problem: 'p4',
    attempt: 1,
    tokens: '\\boxed{4}'.length + 1,
    policyVersion: 0,
  });
  using reader = await openRunReader(run.directory);
  const [start] = reader.events().filter(({ type }) => type === 'stage-start');
  expect(start!.message).toContain(
    '4 examples (4 correct of 27 attempts at 9 problems; 3 problems of a suite',
  );
  // The attempts were recorded, with their verdicts, as measurements.
  expect(reader.groups({ purpose: 'measure' }).map(({ problemId }) => problemId)).toEqual(
    problems.slice(3).map(({ id }) => id),
  );
});

test("a harvest from the teacher imitates the teacher's correct answers, and does not record them as the policy's", async () => {
  const examples = harvest({ from: 'teacher', rollouts: 2 });
  const stages = [imitate('copy', { examples, batchSize: 4, maxSteps: 1 })];
  expect(() => checkRecipe(recipeWith({ stages }))).toThrow('to have a teacher to harvest from');
  const recipe = recipeWith({ stages, teacher: { model: 'none' } });
  const engine = scriptedEngine({ complete: () => 'no' });
  const teacher = scriptedEngine({
    complete: (key, index) => `so \\boxed{${index === 1 ? key.slice(1) : 'x'}}`,
  });
  await using run = await newRun(recipe);
  await trainIn(run, recipe, engine, { teacher });
  const rows = await rowsOf(run);
  expect(rows).toHaveLength(12);
  expect(rows[5]).toMatchObject({
    completion: 'so \\boxed{5}',
    problem: 'p5',
    attempt: 1,
    teacher: 'scripted',
  });
  expect(rows[5]).not.toHaveProperty('policyVersion');
  expect(engine.requests).toEqual([]);
  using reader = await openRunReader(run.directory);
  expect(reader.groups()).toEqual([]);
});

test('an interrupted and resumed harvest repeats no attempt and ends with the same examples', async () => {
  const recipe = recipeWith({
    stages: [
      imitate('copy', { examples: harvest({ rollouts: 5, choose: 'random' }), batchSize: 4, epochs: 2 }),
    ],
  });
  const asked: string[] = [];
  const stop = new AbortController();
  const scripted = (stopAfter: number) =>
    scriptedEngine({
      complete: (key, index) => {
        asked.push(`${key} ${index}`);
        if (asked.length === stopAfter) stop.abort();
        return `${'so '.repeat((index * 7) % 5)}\\boxed{${index % 2 === 0 ? key.slice(1) : 'x'}}`;
      },
    });
  const calm = await newRun(recipe, join(root, 'calm'));
  await trainIn(calm, recipe, scripted(-1));
  await calm[Symbol.asyncDispose]();
  expect(asked).toHaveLength(60);
  asked.length = 0;

  const rough = await newRun(recipe, join(root, 'rough'));
  await expect(trainIn(rough, recipe, scripted(23), { signal: stop.signal })).rejects.toThrow(/abort/i);
  await rough[Symbol.asyncDispose]();
  const before = new Set(asked);
  const again = await openRun(rough.directory);
  await trainIn(again, recipe, scripted(-1));
  await again[Symbol.asyncDispose]();
  // The attempt in flight when the run was aborted was not judged.
  expect(asked.length).toBeLessThanOrEqual(61);
  expect(new Set(asked).size).toBe(60);
  expect(before.size).toBeGreaterThanOrEqual(22);
  expect(await runDigest(again.directory)).toEqual(await runDigest(calm.directory));
});

test('imitates the worked solutions of problems', async () => {
  const recipe = recipeWith({ stages: [imitate('solutions', { examples: solutions(), batchSize: 2 })] });
  await using run = await newRun(recipe);
  const engine = scriptedEngine({ complete: () => '' });
  await trainIn(run, recipe, engine);
  expect((await rowsOf(run)).map(({ completion }) => completion)).toEqual(
    [0, 1, 2, 3, 4].map((n) => `so \\boxed{${n}}`),
  );
  // 5 examples with 2 per step give two or three steps after rounding.
  expect(engine.trained).toHaveLength(3);
  expect(engine.trained.every(({ loss }) => loss.policy.type === 'cross-entropy')).toBe(true);
});

test('a stage that harvests no example fails with an error that gives the counts', async () => {
  const recipe = recipeWith({});
  await using run = await newRun(recipe);
  await expect(trainIn(run, recipe, scriptedEngine({ complete: () => 'no' }))).rejects.toThrow(
    /stage "copy": expected examples to imitate, got none from 0 correct of 36 attempts at 12 problems/,
  );
});

test('holds out either all wordings of a problem or none', async () => {
  const worded = problems.slice(0, 5).map((problem) => ({
    ...problem,
    wordings: [1, 2].map((n) => [{ role: 'user' as const, content: `${n}: ${problem.id}` }]),
  }));
  const stages = [imitate('solutions', { examples: solutions(), heldOut: 0.4, maxSteps: 1 })];
  await using run = await newRun(recipeWith({ stages }));
  await trainIn(run, recipeWith({ stages }), scriptedEngine({ complete: () => '' }), { problems: worded });
  const of = async (part: 'train' | 'held-out') => (await rowsOf(run, 0, part)).map(({ problem }) => problem);
  const [learned, held] = [await of('train'), await of('held-out')];
  expect([learned.length, held.length]).toEqual([9, 6]);
  expect(held.filter((problem) => learned.includes(problem))).toEqual([]);
});

test('holds out either all rows of a problem in a file or none, whatever their prompts', async () => {
  const file = join(root, 'rationales.jsonl');
  const rows = [0, 1, 2, 3, 4].flatMap((n) =>
    [1, 2, 3].map((passage) => ({ prompt: `${passage}: ${n}`, completion: `${n}`, problemId: `p${n}` })),
  );
  await writeFile(file, rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
  const stages = [imitate('copy', { examples: file, heldOut: 0.4, maxSteps: 1 })];
  await using run = await newRun(recipeWith({ stages }));
  await trainIn(run, recipeWith({ stages }), scriptedEngine({ complete: () => '' }));
  const of = async (part: 'train' | 'held-out') => (await rowsOf(run, 0, part)).map(({ problem }) => problem);
  const [learned, held] = [await of('train'), await of('held-out')];
  expect([learned.length, held.length]).toEqual([9, 6]);
  expect(held.filter((problem) => learned.includes(problem))).toEqual([]);
});

test('a stage without worked solutions fails with an error that names the column to set', async () => {
  const recipe = recipeWith({ stages: [imitate('solutions', { examples: solutions() })] });
  await using run = await newRun(recipe);
  const unsolved = { problems: problems.slice(5) };
  await expect(trainIn(run, recipe, scriptedEngine({ complete: () => '' }), unsolved)).rejects.toThrow(
    /got none from worked solutions of 7 problems; name the column of the solutions/,
  );
});

test.for(['train', 'held-out'] as const)('rejects a resume with changed %s examples', async (part) => {
  const recipe = recipeWith({
    stages: [imitate('solutions', { examples: solutions(), batchSize: 2, epochs: 3, heldOut: 0.4 })],
  });
  const run = await newRun(recipe);
  const stop = new AbortController();
  const watch = {
    signal: stop.signal,
    report: ({ type }: { readonly type: string }) => type === 'step' && stop.abort(),
  };
  const engine = scriptedEngine({ complete: () => '' });
  await expect(trainIn(run, recipe, engine, watch)).rejects.toThrow(/abort/i);
  await run[Symbol.asyncDispose]();
  await appendFile(examplesFile(run.directory, 0, part), '{"prompt":"1","completion":"2"}\n');
  await using again = await openRun(run.directory);
  await expect(trainIn(again, recipe, scriptedEngine({ complete: () => '' }))).rejects.toThrow(
    /expected the examples that the stage began with .*, got different content/,
  );
});

test('rejects held-out examples if all examples share one prompt', async () => {
  const one = join(root, 'one.jsonl');
  await writeFile(one, `${JSON.stringify({ prompt: '1+1=?', completion: '2' })}\n`.repeat(3));
  const recipe = recipeWith({ stages: [imitate('copy', { examples: one, heldOut: 0.5, maxSteps: 1 })] });
  await using run = await newRun(recipe);
  await expect(trainIn(run, recipe, scriptedEngine({ complete: () => '' }))).rejects.toThrow(
    /stage "copy": expected examples of at least two prompts, .* got 1 prompt; set heldOut to 0/,
  );
});

test('the learning-rate schedule of stage() counts only steps of stage(), and each imitate() restarts its own schedule', async () => {
  const cosine = { learningRate: 1, schedule: 'cosine' } as const;
  const copy = (name: string) =>
    imitate(name, { examples: solutions(), batchSize: 5, epochs: 3, optimizer: cosine });
  const recipe = recipeWith({
    optimizer: { learningRate: 1e-3, schedule: 'cosine' },
    stages: [copy('a'), stage('one', { maxSteps: 2 }), copy('b'), stage('two', { maxSteps: 1 })],
  });
  await using run = await newRun(recipe);
  const engine = scriptedEngine({ complete: (key, i) => `\\boxed{${i % 2 === 0 ? key.slice(1) : 'x'}}` });
  await trainIn(run, recipe, engine);
  const rates = engine.steps.map(({ learningRate }) => Number(learningRate.toPrecision(6)));
  expect(rates.slice(0, 3)).toEqual(rates.slice(5, 8));
  expect(rates[2]).toBeCloseTo(0.1);
  expect(rates.at(-1)).toBeCloseTo(1e-4);
  expect(rates.slice(3, 5).map((rate) => rate > 1e-4)).toEqual([true, true]);
  // A new optimizer does not reset the count of updates: 3 by "a", 2 by "one", 3 by "b".
  using reader = await openRunReader(run.directory);
  const versions = await Promise.all(
    ['one', 'two'].map(async (name) =>
      (await reader.rollouts(reader.groups({ stage: name, purpose: 'train' }), ['policy_version'])).map(
        ({ policy_version: version }) => version,
      ),
    ),
  );
  expect(versions.map((of) => [...new Set(of)])).toEqual([[3, 4], [8]]);
});

test('measures pass rates with the policy at the first stage that needs them', async () => {
  const recipe = recipeWith({
    difficulty: { type: 'pass-rate', rollouts: 4, maxTokens: 32 },
    levels: [level('half', band({ min: 0.3, max: 0.7 }))],
    stages: [
      imitate('copy', { examples: solutions(), maxSteps: 1 }),
      imitate('half', { examples: harvest({ select: 'half', rollouts: 2 }), maxSteps: 1 }),
      stage('explore', { select: 'half', maxSteps: 1 }),
    ],
  });
  // Before the first update, every problem is always solved; afterwards, the first six are solved half of the time.
  const engine = scriptedEngine({
    complete: (key, index) => {
      const n = Number(key.slice(1));
      return `\\boxed{${engine.steps.length === 0 || (n < 6 && index % 2 === 0) ? n : 'x'}}`;
    },
  });
  await using run = await newRun(recipe);
  await trainIn(run, recipe, engine);
  using store = openPassRateStore(join(run.directory, 'pass-rates.sqlite'));
  expect(store.history('p3').map(({ source }) => source)).toContainEqual({ type: 'boundary', stage: 1 });
  expect(store.history('p3').some(({ source }) => source.type === 'base')).toBe(false);
  const half = ['p0', 'p1', 'p2', 'p3', 'p4', 'p5'];
  expect((await rowsOf(run, 1)).map(({ problem }) => problem)).toEqual(half);
  using reader = await openRunReader(run.directory);
  const explored = reader.groups({ stage: 'explore', purpose: 'train' }).map(({ problemId }) => problemId);
  expect(explored).toHaveLength(4);
  expect(half).toEqual(expect.arrayContaining(explored));
});

const families = { families: ['addition' as const], knobs: [1] };
const tiny = resolve('models/gradus-tiny');
const optimizer = { learningRate: 1e-3 };

test(
  "start: 'base' gives the same weights as gradus sft on the harvested file",
  { timeout: 300_000 },
  async () => {
    const engine = { type: 'embedded' as const, exportType: 'f32' as const, lanes: 1 };
    const recipe = defineRecipe({
      name: 'rounds',
      seed: 5,
      policy: { model: tiny, engine },
      problems: [{ type: 'generated', ...families, split: 'train', perCell: 12 }],
      verifiers: { math: { type: 'math', extraction: 'boxed' } },
      algorithm: { type: 'dapo' },
      optimizer,
      sampling: { maxTokens: 24 },
      batch: { problems: 4, groupSize: 4 },
      stages: [
        stage('explore', { maxSteps: 2 }),
        imitate('write-up', { examples: harvest({ rollouts: 4 }), start: 'base', batchSize: 4, epochs: 2 }),
      ],
    });
    const directory = await startTraining(recipe, root);
    const harvested = examplesFile(directory, 1, 'train');
    expect((await readFile(harvested, 'utf8')).split('\n').length).toBeGreaterThan(4);
    const taught = await startTraining(
      await fineTuningRecipe({
        model: tiny,
        examples: harvested,
        exportType: 'f32',
        engine: { set: ['lanes=1'] },
        optimizer,
        batchSize: 4,
        epochs: 2,
        seed: 5,
      }),
      root,
    );
    const weightsOf = (run: string) => readFile(join(runLayout(run).export, 'model.safetensors'));
    expect((await weightsOf(directory)).equals(await weightsOf(taught))).toBe(true);
    expect((await weightsOf(taught)).equals(await readFile(join(tiny, 'model.safetensors')))).toBe(false);
    expect(existsSync(runLayout(directory).baseState)).toBe(false);
  },
);

test(
  'a resumed fine-tuning run is bit-identical, including held-out loss and suites',
  { timeout: 300_000 },
  async () => {
    const rows = (from: number, count: number) => Array.from({ length: count }, (_, i) => from + i);
    const example = (n: number) => ({ prompt: `${n}+1=?`, completion: `\\boxed{${n + 1}}` });
    const lines = (some: readonly object[]) => some.map((one) => JSON.stringify(one)).join('\n');
    await writeFile(join(root, 'examples.jsonl'), lines(rows(1, 20).map(example)));
    const questions = rows(30, 5).map((n) => ({ prompt: `${n}+1=?`, answer: String(n + 1) }));
    await writeFile(join(root, 'kept.jsonl'), lines(questions));
    const recipe = await fineTuningRecipe({
      model: tiny,
      examples: join(root, 'examples.jsonl'),
      exportType: 'bf16',
      engine: { set: ['lanes=1'] },
      optimizer,
      batchSize: 4,
      epochs: 2,
      seed: 0,
      heldOut: 0.2,
      checkpointEvery: 3,
      retain: [join(root, 'kept.jsonl')],
      maxTokens: 16,
    });
    const calm = await startTraining(recipe, join(root, 'calm'));
    const stop = new AbortController();
    let rough = '';
    const interrupted = startTraining(recipe, join(root, 'rough'), {
      signal: stop.signal,
      report: (event) => {
        if (event.type === 'run-start') rough = event.run;
        if (event.type === 'step' && event.step === 5) stop.abort();
      },
    });
    await expect(interrupted).rejects.toThrow('stopped');
    await resumeTraining(rough);
    expect(await runDigest(rough)).toEqual(await runDigest(calm));
    const result = await readRunResult(calm);
    const [{ imitation, steps }, [retained]] = [result.stages[0]!, result.suites];
    // 16 examples in two passes, 4 per step. Completion tokens include the end token and are counted in each pass.
    expect([steps, imitation!.examples]).toEqual([8, 16]);
    expect(imitation!.heldOutLoss).toBeLessThan(imitation!.loss * 20);
    expect(retained!.name).toBe('retain kept');
    using reader = await openRunReader(calm);
    expect([...reader.metric('sft/heldOutLoss').steps]).toEqual([8]);
    expect(reader.metric('sft/loss').values.at(-1)).toBeLessThan(reader.metric('sft/loss').values[0]!);
    const held = (await readFile(examplesFile(calm, 0, 'held-out'), 'utf8')).trim().split('\n');
    expect(held).toHaveLength(4);
  },
);

test(
  'two stages that imitate give the same weights as two fine-tuning runs',
  { timeout: 300_000 },
  async () => {
    const lines = (digits: readonly number[], more: number) =>
      digits
        .map((n) => JSON.stringify({ prompt: `${n}+1=?`, completion: `\\boxed{${n + more}}` }))
        .join('\n');
    const files = ['first.jsonl', 'second.jsonl'].map((name) => join(root, name));
    await writeFile(files[0]!, lines([1, 2, 3, 4], 1));
    await writeFile(files[1]!, lines([5, 6, 7, 8], 2));
    const settings = { batchSize: 2, epochs: 2 };
    const taught = async (model: string, examples: string): Promise<string> =>
      runLayout(
        await startTraining(
          await fineTuningRecipe({
            model,
            examples,
            exportType: 'f32',
            engine: { set: ['lanes=1'] },
            optimizer,
            ...settings,
            seed: 0,
          }),
          root,
        ),
      ).export;
    const twice = await taught(await taught(tiny, files[0]!), files[1]!);
    const recipe = defineRecipe({
      name: 'both',
      policy: { model: tiny, engine: { type: 'embedded', exportType: 'f32', lanes: 1 } },
      optimizer,
      stages: files.map((examples, n) => imitate(`file ${n}`, { examples, ...settings })),
    });
    const both = runLayout(await startTraining(recipe, root)).export;
    const weightsOf = (folder: string) => readFile(join(folder, 'model.safetensors'));
    expect((await weightsOf(both)).equals(await weightsOf(twice))).toBe(true);
  },
);
