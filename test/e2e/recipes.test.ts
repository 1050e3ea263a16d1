import { globSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, test } from 'vitest';
import { openPassRateStore } from '../../src/difficulty/pass-rates/sqlite-store.ts';
import { loadRecipe } from '../../src/recipe/load.ts';
import { describeBatches } from '../../src/recipe/batch-arithmetic.ts';
import { describeStrategies, strategyBounds } from '../../src/recipe/strategy-arithmetic.ts';
import { buildParts } from '../../src/training/build.ts';
import { makeFastFolder } from '../runs/fast-folder.ts';

const project = fileURLToPath(new URL('../../', import.meta.url));
const folder = makeFastFolder('recipes');
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const files = globSync('recipes/*/recipe.ts', { cwd: project });

test.for(files)('%s is valid and describes its steps', async (file) => {
  const recipe = await loadRecipe(join(project, file));
  expect(describeBatches(recipe)).toHaveLength(recipe.stages.length);
});

test('describes groups that are spread over wordings', async () => {
  const recipe = await loadRecipe(join(project, 'recipes/wordings/recipe.ts'));
  expect(describeBatches(recipe)[1]).toContain(
    '32 problems × 8 rollouts over 4 wordings = 256 rollouts per step',
  );
});

test('gives the baseline and the ablation as many steps as the staged recipe', async () => {
  const steps = async (name: string): Promise<number> => {
    const { stages } = await loadRecipe(join(project, `recipes/${name}/recipe.ts`));
    return stages.reduce((sum, { maxSteps = 0 }) => sum + maxSteps, 0);
  };
  expect(await steps('uniform')).toBe(await steps('staged'));
  expect(await steps('level-ablation')).toBe(await steps('staged'));
});

/** Writes small replacements for the inputs of the paper's run: two problems per file, three stores, and the tiny model. */
function writeStandIns(): void {
  for (const sub of ['data', 'difficulty']) mkdirSync(join(folder, sub));
  const math = (name: string): void =>
    writeFileSync(
      join(folder, `data/${name}.jsonl`),
      [1, 2]
        .map((n) =>
          JSON.stringify({ id: `${name}/${n}`, domain: 'math', prompt: `${n}+1=?`, answer: `${n + 1}` }),
        )
        .join('\n'),
    );
  const program = (name: string): void => {
    const tests = {
      type: 'function',
      language: 'python',
      entryPoint: 'f',
      cases: [{ arguments: [1], expected: 2 }],
    };
    writeFileSync(
      join(folder, `data/${name}.jsonl`),
      JSON.stringify({ id: `${name}/1`, domain: 'code', prompt: 'f(1)=2. f?', tests }),
    );
  };
  for (const name of ['math-train', 'aime24', 'math500']) math(name);
  for (const name of ['code-train', 'livecodebench']) program(name);
  for (const name of ['r1-distill-qwen-7b', 'r1-distill-qwen-32b', 'deepseek-r1']) {
    using store = openPassRateStore(join(folder, `difficulty/${name}.sqlite`));
    const sampling = { temperature: 0.6, topP: 0.95, topK: 0, stop: [], maxTokens: 16_384 };
    const conditions = { model: name, ...sampling, verifier: 'math@1' };
    store.record(
      conditions,
      [0, 1].map((rollout) => ({
        problemId: 'math-train/1',
        source: { type: 'base' },
        step: 0,
        rollout,
        outcome: rollout === 0 ? 'correct' : 'incorrect',
      })),
    );
  }
}

test('builds all parts of the paper’s run', async () => {
  writeStandIns();
  const recipe = await loadRecipe(join(project, 'recipes/difficulty-staged-1.5b/recipe.ts'), [
    `baseDir=${folder}`,
    `policy.model=${join(project, 'models/gradus-tiny')}`,
    'policy.engine=embedded',
  ]);
  await using parts = await buildParts(recipe);
  expect(parts.problems).toHaveLength(3);
  expect(parts.suites.map(({ config }) => config.name)).toEqual(['aime24', 'math500', 'livecodebench']);
  expect(parts.knownPassRates.get('judge')?.get('math-train/1')).toEqual({ successes: 1, trials: 2 });
  expect(parts.levels.describe().join('\n')).toContain('L2');
  expect(describeBatches(recipe)[0]).toContain('128 problems × 16 rollouts = 2048 rollouts per step');
});

test('builds the suites of compute-optimal-tts and bounds their tokens', async () => {
  const base = mkdtempSync(join(folder, 'strategies-'));
  mkdirSync(join(base, 'data'));
  writeFileSync(join(base, 'data/chosen.jsonl'), JSON.stringify({ prompt: '1+1=?', completion: '2' }));
  writeFileSync(join(base, 'suite.jsonl'), JSON.stringify({ prompt: '2+2=?', answer: '4' }));
  const recipe = await loadRecipe(join(project, 'recipes/compute-optimal-tts/recipe.ts'), [
    `baseDir=${base}`,
    `policy.model=${join(project, 'models/gradus-tiny')}`,
    'policy.engine=embedded',
    ...[0, 1].map((i) => `evaluation[${i}].problems=[{"type":"jsonl","path":"suite.jsonl"}]`),
  ]);
  await using parts = await buildParts(recipe);
  expect(parts.suites.map(({ config }) => config.name)).toEqual(['math500', 'aime24']);
  const { config } = parts.suites[0]!;
  // 16 rollouts for the bins, 256 for majority and best of N, 340 each for beam search and DVTS.
  expect(strategyBounds(config)).toEqual({ written: 8192 * 1208, scored: 8192 * 936 });
  expect(describeStrategies(config, 500)[0]).toMatch(
    /written ≤ 9\.9M per problem = ≤ 4,950M; .*\(pooling\) ≤ 7\.67M/,
  );
});

test.for([
  {
    name: 'deepscaler-1.5b',
    data: 'deepscaler',
    steps: [
      [128, 8],
      [128, 16],
      [128, 16],
    ],
  },
  { name: 'justrl-1.5b', data: 'dapo-math-17k', steps: [[256, 8]] },
])('builds all parts of $name', async ({ name, data, steps }) => {
  const base = mkdtempSync(join(folder, 'published-'));
  mkdirSync(join(base, 'data'));
  const row = { prompt: '1+1=?', answer: '2' };
  writeFileSync(join(base, `data/${data}.jsonl`), JSON.stringify(row));
  writeFileSync(join(base, 'suite.jsonl'), JSON.stringify({ ...row, prompt: '2+2=?', answer: '4' }));
  const file = join(project, `recipes/${name}/recipe.ts`);
  const suites = (await loadRecipe(file)).evaluation.map(
    (_, i) => `evaluation[${i}].problems=[{"type":"jsonl","path":"suite.jsonl"}]`,
  );
  const recipe = await loadRecipe(file, [
    `baseDir=${base}`,
    `policy.model=${join(project, 'models/gradus-tiny')}`,
    'policy.engine=embedded',
    ...suites,
  ]);
  await using parts = await buildParts(recipe);
  expect(parts.problems[0]!.prompt[0]!.content).toMatch(/1\+1=\?[^]*\\boxed/);
  for (const [i, [problems, group]] of steps.entries())
    expect(describeBatches(recipe)[i]).toContain(`${problems} problems × ${group} rollouts`);
});

test.for(['secret-recipe-3b', 'openvlthinker-7b', 'dca-7b', 'kard-medqa'])(
  'builds all parts of %s',
  async (name) => {
    const base = mkdtempSync(join(folder, 'learning-'));
    const path = join(project, `recipes/${name}/recipe.ts`);
    const written = await loadRecipe(path);
    const row = {
      prompt: '1+1=?',
      answer: 'B',
      solution: 'B',
      completion: 'B',
      wordings: ['sum of 1 and 1?'],
    };
    const standIn = (file: string, index: number): void => {
      mkdirSync(join(base, dirname(file)), { recursive: true });
      writeFileSync(join(base, file), JSON.stringify({ ...row, id: `p${index}` }));
    };
    const filesOf = (sources: readonly object[]) =>
      sources.flatMap((source) =>
        'path' in source && String(source.path).startsWith('data/') ? [String(source.path)] : [],
      );
    const suites = written.evaluation.flatMap(({ problems }) => problems);
    filesOf([...written.problems, ...suites]).forEach(standIn);
    for (const stage of written.stages)
      if (stage.type === 'imitate' && typeof stage.examples === 'string') standIn(stage.examples, 0);
    const published = written.evaluation.flatMap(({ problems }, i) =>
      filesOf(problems).length > 0
        ? []
        : [`evaluation[${i}].problems=[{"type":"jsonl","path":"suite.jsonl"}]`],
    );
    writeFileSync(join(base, 'suite.jsonl'), JSON.stringify(row));
    const tiny = join(project, 'models/gradus-tiny');
    const teacher = written.teacher === undefined ? [] : [`teacher.model=${tiny}`, 'teacher.engine=embedded'];
    const recipe = await loadRecipe(path, [
      `baseDir=${base}`,
      `policy.model=${tiny}`,
      'policy.engine=embedded',
      ...teacher,
      ...published,
    ]);
    await using parts = await buildParts(recipe);
    expect(parts.teacher === undefined).toBe(written.teacher === undefined);
    expect(parts.suites).toHaveLength(written.evaluation.length);
    expect(describeBatches(recipe)).toHaveLength(recipe.stages.length);
  },
);
