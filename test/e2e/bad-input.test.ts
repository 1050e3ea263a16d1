import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import {
  type Ended,
  gradus,
  makeWorkplace,
  openCommands,
  startGradus,
  sums,
  tinyRecipe,
  writeRows,
} from './gradus.ts';

// Runs about forty commands, which take seconds, or minutes on a busy machine.
vi.setConfig({ testTimeout: 180_000 });

const folder = makeWorkplace('bad-input');
const commands = openCommands(folder);
const { run } = commands;
const here = (name: string): string => join(folder, name);

beforeAll(() => {
  writeFileSync(here('recipe.json'), JSON.stringify(tinyRecipe()));
  writeRows(here('problems.jsonl'), sums);
});
afterAll(() => {
  commands[Symbol.dispose]();
  rmSync(folder, { recursive: true });
});

/** Asserts one clear error: no stack trace, no second message, and the next command to try in the last line. */
function expectOneError({ code, stderr }: Ended, expected: { code: number; says: RegExp }): void {
  expect(stderr).toMatch(expected.says);
  expect(stderr.match(/^error: /gm)).toHaveLength(1);
  expect(stderr).not.toMatch(/^ +at /m);
  expect(stderr.trimEnd().split('\n').at(-1)).toMatch(/^try: /);
  expect(code).toBe(expected.code);
}

describe('a recipe', () => {
  test.each([
    [
      'an unknown key',
      ['optimizer.learningRat=1'],
      /optimizer\.learningRat: unknown key; did you mean "learningRate"/,
    ],
    [
      'a wrong type',
      ['batch.problems=many', 'seed=-1'],
      /seed: too small.*[^]*batch\.problems: .*expected number/,
    ],
    ['an unknown level', ['stages[0].select=hrad'], /hrad/],
    ['an unknown algorithm', ['algorithm.type=grop'], /algorithm\.type/],
  ])('with %s is rejected', async (_, assignments, says) => {
    const ended = await run(
      'train',
      'recipe.json',
      ...assignments.flatMap((one) => ['--set', one]),
      '--runs',
      'refused',
    );
    expectOneError(ended, { code: 2, says });
    expect(existsSync(here('refused'))).toBe(false);
  });

  test('is rejected when missing or not a recipe', async () => {
    expect(existsSync(here('none.json'))).toBe(false);
    expectOneError(await run('train', 'none.json'), { code: 2, says: /none\.json: expected a recipe file/ });
    writeFileSync(here('half.json'), '{"name": "half", ');
    expectOneError(await run('train', 'half.json'), {
      code: 2,
      says: /half\.json cannot be read as a recipe/,
    });
    writeFileSync(here('half.ts'), 'const a = 1;\nexport default {\n  a,\n');
    writeFileSync(here('throws.ts'), '\nexport default [].at(0).name;\n');
    expectOneError(await run('train', 'half.ts'), {
      code: 2,
      says: /half\.ts:\d cannot be read as a recipe/,
    });
    expectOneError(await run('train', 'throws.ts'), { code: 2, says: /throws\.ts:2 cannot be read/ });
  });
});

test('loads a recipe with import as a module, even if "npm init" wrote "type": "commonjs"', async () => {
  const project = here('commonjs');
  mkdirSync(project);
  writeFileSync(join(project, 'package.json'), '{"type": "commonjs"}');
  writeFileSync(join(project, 'beside.ts'), 'export const twice = (n: number): number => 2 * n;\n');
  const recipe = `import { defineRecipe } from 'gradus';\nimport { twice } from './beside.ts';\ntwice(1);\nexport default defineRecipe(${JSON.stringify(tinyRecipe())});\n`;
  for (const name of ['recipe.ts', 'recipe.mts', 'recipe.js']) {
    writeFileSync(join(project, name), recipe);
    const ended = await gradus(folder, 'train', join('commonjs', name), '--dry-run');
    // The recipe was loaded and checked; only its model is missing.
    expectOneError(ended, { code: 3, says: /problems\.jsonl: expected a readable file/ });
    expect(ended.stderr).not.toContain('Warning');
  }
});

test('reports an unwritable path as one error and leaves no files', async () => {
  const importTo = (out: string) => run('data', 'import', 'problems.jsonl', '--out', out);
  expectOneError(await importTo('none/out.jsonl'), {
    code: 5,
    says: /none\/out\.jsonl.*no such file or folder/,
  });
  expectOneError(await importTo('model'), { code: 5, says: /model: this is a folder/ });
  expect(existsSync(here('model.partial'))).toBe(false);
});

test('names the failed command in an error', async () => {
  writeFileSync(here('empty.jsonl'), '');
  const empty = await run('data', 'import', 'empty.jsonl', '--out', 'a b.jsonl');
  expect(empty.stderr).toContain(
    "try: fix the input, then: gradus data import empty.jsonl --out 'a b.jsonl'\n",
  );
  const unknown = await run('data', 'import', 'empty.jsonl', '--out', 'x.jsonl', '--shpe', 'gsm8k');
  expectOneError(unknown, { code: 2, says: /unknown option '--shpe'/ });
  expect(unknown.stderr).toContain('try: gradus data import --help');
  expectOneError(await run('eval', 'recipe.json'), { code: 2, says: /got a recipe file/ });
});

describe('problems', () => {
  test.each<[string, (object | string)[] | null, RegExp]>([
    ['in a missing file', null, /bad\.jsonl: .*(ENOENT|nothing there)/],
    ['in an empty file', [], /bad\.jsonl: expected .*empty/],
    [
      'in a half-written file',
      [sums[0]!, '{"id": "x", "prom'],
      /bad\.jsonl:2: expected one whole JSON object/,
    ],
    ['without gold', [sums[0]!, { prompt: '1+1=?' }], /bad\.jsonl:2: .*answer/],
    [
      'with an unreadable gold',
      [{ id: 'odd', prompt: '1+1=?', answer: '\\frac{1}{' }],
      /problem odd .*expected a gold answer that can be read as mathematics/,
    ],
    ['given twice', [sums[0]!, sums[0]!], /bad\.jsonl:2: .*"sum\/1" again/],
  ])('%s are rejected', async (_, rows, says) => {
    rmSync(here('bad.jsonl'), { force: true });
    if (rows !== null) writeRows(here('bad.jsonl'), rows);
    const ended = await run(
      'train',
      'recipe.json',
      '--set',
      'problems[0].path=bad.jsonl',
      '--runs',
      'refused',
    );
    expectOneError(ended, { code: 3, says });
    expect(existsSync(here('refused'))).toBe(false);
  });

  test('without room for an answer are rejected before a run begins, and data check removes them', async () => {
    const long = { id: 'long', prompt: `${'1+'.repeat(400)}1=?`, answer: '401' };
    writeRows(here('long.jsonl'), [sums[0]!, long]);
    const model = resolve('models/gradus-tiny');
    const choice = ['--set', 'problems[0].path=long.jsonl', '--set', `policy.model=${model}`];
    const says = /1 of 6 that do not, e\.g\. problem long \(long\.jsonl\) with 8\d\d/;
    expectOneError(await run('train', 'recipe.json', ...choice, '--runs', 'refused'), { code: 3, says });
    expect(existsSync(here('refused'))).toBe(false);
    const checked = await run('data', 'check', 'long.jsonl', '--model', model, '--out', 'fit.jsonl');
    expect(checked.stdout).toMatch(/1 of 2 problems stay/);
    expect(readFileSync(here('fit.jsonl'), 'utf8')).toContain('sum/1');
    const plan = await run('train', 'recipe.json', '--set', 'problems[0].path=fit.jsonl', '--dry-run');
    expect(plan.stdout).toContain('recipe "tiny" is valid');
  });

  test('end the run with the reason if the selection leaves none', async () => {
    const recipe = {
      ...tinyRecipe(),
      levels: [easy],
      stages: [{ type: 'stage', name: 'e', select: 'easy', maxSteps: 1 }],
    };
    writeFileSync(here('selective.json'), JSON.stringify(recipe));
    const ended = await run('train', 'selective.json');
    expectOneError(ended, {
      code: 3,
      says: /stage "e": expected problems where .*none among 4; measured 4, in levels: easy 0/,
    });
    const shown = await run('runs', 'show', 'runs/tiny-0001');
    expect(shown.stdout).toMatch(/status +failed \(stage "e": expected problems/);
  });
  const easy = { type: 'level', name: 'easy', rule: { type: 'band', model: 'policy', min: 0.9 } };
});

describe('a model folder', () => {
  const broken: [string, string, (model: string) => void, RegExp][] = [
    [
      'that is missing',
      'parity-qwen2',
      (model) => rmSync(model, { recursive: true }),
      /broken: expected a model folder or a run directory/,
    ],
    [
      'with a missing shard',
      'parity-llama',
      (model) => rmSync(join(model, 'model-00002-of-00002.safetensors')),
      /expected the shard model-00002-of-00002\.safetensors/,
    ],
    [
      'with a wrong shape',
      'parity-qwen2',
      edit('config.json', 'intermediate_size', 64),
      /mlp\.\w+_proj\.weight.*shape.*64/,
    ],
    [
      'with a truncated file',
      'parity-qwen2',
      (model) => cut(join(model, 'model.safetensors')),
      /model\.safetensors: the file is truncated: .*download it again/,
    ],
    [
      'of another vocabulary',
      'parity-qwen2',
      edit('config.json', 'vocab_size', 40),
      /tokenizer of at most 40 tokens/,
    ],
    [
      'of another architecture',
      'parity-qwen2',
      edit('config.json', 'model_type', 'gpt2'),
      /"model_type" to be "llama" or "qwen2" or .*, got "gpt2"/,
    ],
  ];
  test.each(broken)('%s is rejected', async (_, origin, damage, says) => {
    const model = here('broken');
    rmSync(model, { recursive: true, force: true });
    cpSync(join('test/golden', origin), model, { recursive: true });
    damage(model);
    const ended = await run('sample', 'broken', 'hello');
    expectOneError(ended, { code: 3, says });
    expect(ended.stdout).toBe('');
  });

  function edit(file: string, key: string, value: unknown): (model: string) => void {
    return (model) => {
      const path = join(model, file);
      const json = JSON.parse(readFileSync(path, 'utf8')) as object;
      writeFileSync(path, JSON.stringify({ ...json, [key]: value }));
    };
  }
  const cut = (path: string): void => writeFileSync(path, readFileSync(path).subarray(0, 20_000));
});

describe('a run', () => {
  test('has one writer, stops cleanly, and does not continue with other data or an edited recipe', async () => {
    const long = ['--set', 'stages[0].maxSteps=100000', '--set', 'checkpoints.everySteps=1'];
    const training = startGradus(folder, ['train', 'recipe.json', '--runs', 'own', '--json', ...long]);
    await training.said('"type":"step","step":2');
    const second = await run('resume', 'own/tiny-0001');
    expectOneError(second, { code: 5, says: new RegExp(`process ${training.child.pid} on .* has it open`) });

    training.child.kill('SIGINT');
    const stopped = await training.ended;
    expect(stopped.code).toBe(130);
    expect(stopped.stderr).toMatch(
      /stopping cleanly[^]*"code":"INTERRUPTED"[^]*gradus resume own\/tiny-0001/,
    );
    expect((await run('runs', 'list', 'own')).stdout).toMatch(/tiny-0001 +interrupted/);

    const problems = readFileSync(here('problems.jsonl'), 'utf8');
    const shown = await run('runs', 'show', 'own/tiny-0001');
    expect(shown.stdout).toMatch(/problems.jsonl +\d+ +\d+ B +sha256 [0-9a-f]{12}/);
    writeFileSync(here('problems.jsonl'), problems.replace('"answer":"2"', '"answer":"3"'));
    expectOneError(await run('resume', 'own/tiny-0001'), {
      code: 5,
      says: /problems.jsonl: expected the file that own\/tiny-0001 began with, .* restore the file/,
    });
    writeFileSync(here('problems.jsonl'), problems);

    const recipe = here('own/tiny-0001/recipe.json');
    const text = readFileSync(recipe, 'utf8');
    writeFileSync(recipe, text.replace('"seed":0', '"seed":1').replace('"seed": 0', '"seed": 1'));
    expectOneError(await run('resume', 'own/tiny-0001'), {
      code: 5,
      says: /expected the recipe the run was created with/,
    });
  });

  test('is not continued once finished; nor is a folder that is not a run', async () => {
    const finished = JSON.stringify(
      tinyRecipe({ evaluation: [], stages: [{ type: 'stage', name: 'all', maxSteps: 1 }] }),
    );
    writeFileSync(here('short.json'), finished);
    expect((await run('train', 'short.json', '--runs', 'done')).code).toBe(0);
    expectOneError(await run('resume', 'done/tiny-0001'), { code: 5, says: /one that finished at/ });
    expectOneError(await run('resume', 'done'), { code: 5, says: /expected the folder of a run/ });
  });
});

describe('non-finite numbers', () => {
  test('end supervised learning without a model', async () => {
    writeRows(
      here('examples.jsonl'),
      sums.map(({ prompt, answer }) => ({ prompt, completion: answer })),
    );
    for (const steps of ['1', '9']) {
      const options =
        `--runs blown-sft --batch-size 2 --epochs 5 --learning-rate 1e30 --max-steps ${steps}`.split(' ');
      const ended = await run('sft', 'model', 'examples.jsonl', ...options);
      expectOneError(ended, {
        code: 4,
        says: /(?:no longer finite|non-finite probabilities).*[^]*try: .*smaller learning rate/,
      });
      expect(existsSync(here('blown-sft/sft-0001/export'))).toBe(false);
    }
  });

  test('end a run but keep its last checkpoint', async () => {
    const recipe = tinyRecipe({
      name: 'blown',
      policy: { model: resolve('models/gradus-tiny'), engine: { type: 'embedded', lanes: 1 } },
      problems: [{ type: 'generated', families: ['addition'], knobs: [1, 2], perCell: 8, split: 'train' }],
      optimizer: { learningRate: 1e30, maxGradNorm: null },
      sampling: { maxTokens: 24 },
      batch: { problems: 8, groupSize: 8 },
      stages: [{ type: 'stage', name: 'all', maxSteps: 20 }],
      evaluation: [],
      checkpoints: { type: 'checkpoints', everySteps: 1 },
    });
    writeFileSync(here('blown.json'), JSON.stringify(recipe));
    const ended = await run('train', 'blown.json', '--runs', 'blown-runs');
    expectOneError(ended, { code: 4, says: /finite/ });
    expect((await run('runs', 'show', 'blown-runs/blown-0001')).stdout).toMatch(/status +failed/);
  });
});

/** A disk of 4 MiB, if this process may mount one. */
const disk = here('disk');
mkdirSync(disk);
const mount = ['-t', 'tmpfs', '-o', 'size=4m', 'none', disk];
const hasDisk =
  process.platform === 'linux' && spawnSync('/bin/mount', mount, { stdio: 'ignore' }).status === 0;
afterAll(() => {
  if (hasDisk) spawnSync('/bin/umount', ['-l', disk]);
});

describe.skipIf(!hasDisk)('a full disk', () => {
  const fill = (leave: number): void => {
    rmSync(join(disk, 'ballast'), { force: true });
    const { bavail, bsize } = statfsSync(disk);
    writeFileSync(join(disk, 'ballast'), new Uint8Array(bavail * bsize - leave));
  };

  test('ends supervised learning with one error', async () => {
    fill(500_000);
    writeRows(
      here('examples.jsonl'),
      sums.map(({ prompt, answer }) => ({ prompt, completion: answer })),
    );
    const short = '--epochs 12 --checkpoint-every 1'.split(' ');
    const ended = await run('sft', 'model', 'examples.jsonl', '--runs', join(disk, 'taught'), ...short);
    expectOneError(ended, { code: 5, says: /no space left for / });
    expect(existsSync(join(disk, 'taught/sft-0001/export'))).toBe(false);
    rmSync(join(disk, 'taught'), { recursive: true });
  });

  test('ends a run, which continues once there is space', async () => {
    fill(500_000);
    const long = [
      '--set',
      'stages[0].maxSteps=12',
      '--set',
      'checkpoints.everySteps=1',
      '--set',
      'evaluation=[]',
    ];
    const ended = await run('train', 'recipe.json', '--runs', disk, ...long);
    expectOneError(ended, {
      code: 5,
      says: /no space left for .*Nothing recorded earlier was lost[^]*try: gradus resume/,
    });
    rmSync(join(disk, 'ballast'));
    // The random model learns nothing: the run continues to its end and reports this.
    expect(await run('resume', join(disk, 'tiny-0001'))).toMatchObject({
      code: 7,
      stderr: expect.stringContaining('None of the 12 steps changed the policy'),
    });
  });
});
