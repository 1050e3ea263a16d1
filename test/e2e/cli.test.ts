import { spawn } from 'node:child_process';
import { text as allText } from 'node:stream/consumers';
import { stripVTControlCharacters } from 'node:util';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { likelihoodVersion } from '../../src/difficulty/probing/likelihood.ts';
import { readPassRateStore } from '../../src/difficulty/pass-rates/sqlite-store.ts';
import {
  gradus,
  jsonLines,
  makeWorkplace,
  openCommands,
  startGradus,
  sums,
  tinyRecipe,
  writeRows,
} from './gradus.ts';

// Runs about fifty commands, which take seconds, or minutes on a busy machine.
vi.setConfig({ testTimeout: 180_000 });

const folder = makeWorkplace('cli');
const commands = openCommands(folder);
const { run } = commands;
const json = async (...args: string[]) => {
  const ended = await run(...args, '--json');
  expect(ended).toMatchObject({ code: 0, stderr: '' });
  return jsonLines(ended);
};

beforeAll(() => {
  writeFileSync(join(folder, 'recipe.json'), JSON.stringify(tinyRecipe()));
  writeRows(join(folder, 'problems.jsonl'), sums);
});
afterAll(() => {
  commands[Symbol.dispose]();
  rmSync(folder, { recursive: true });
});

test('exits with 0 for help and version, but not for unknown words', async () => {
  const help = await run('--help');
  expect(help.code).toBe(0);
  for (const command of 'train resume sft eval difficulty runs sample doctor demo'.split(' '))
    expect(help.stdout).toMatch(new RegExp(`^  ${command} `, 'm'));
  expect(await gradus(folder, '--version')).toMatchObject({
    code: 0,
    stdout: expect.stringMatching(/^\d+\.\d+\.\d+/),
  });
  expect(await gradus(folder, 'trian')).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('Did you mean train'),
  });
  const machine = await run('trian', '--json');
  expect(machine).toMatchObject({ code: 2, stdout: '' });
  expect(JSON.parse(machine.stderr)).toMatchObject({ error: { code: 'USAGE', tryNext: 'gradus --help' } });
  const option = await run('sft', 'model', 'x.jsonl', '--epochs', '0');
  expect(option).toMatchObject({ code: 2, stderr: expect.stringContaining('expected a number above 0') });
});

test('sft trains a model that can be sampled from', async () => {
  const rows = sums.map(({ prompt, answer }) => ({ prompt, completion: answer }));
  writeRows(join(folder, 'examples.jsonl'), rows);
  const options = '--batch-size 4 --epochs 60 --learning-rate 1e-2 --schedule cosine --export-type f32'.split(
    ' ',
  );
  const lines = await json('sft', 'model', 'examples.jsonl', '--runs', 'taught', ...options);
  const steps = lines.filter(({ type }) => type === 'step') as unknown as {
    step: number;
    metrics: Record<string, number>;
  }[];
  expect(steps.map(({ step }) => step)).toEqual(Array.from({ length: 60 }, (_, i) => i + 1));
  const [first, last] = [steps[0]!, steps.at(-1)!].map(({ metrics }) => metrics['sft/loss']!);
  expect(last).toBeLessThan(first! / 10);
  // Four examples of two tokens each, in 60 passes.
  const imitation = { examples: 4, tokens: 480, loss: last };
  const model = join('taught', 'sft-0001', 'export');
  expect(lines.at(-1)).toMatchObject({ model, rollouts: 0, stages: [{ steps: 60, imitation }] });

  const asked = startGradus(
    folder,
    ['sample', 'taught/sft-0001', '--greedy'],
    sums.map(({ prompt }) => prompt).join('\n'),
  );
  expect(await asked.ended).toMatchObject({
    code: 0,
    stdout: `${sums.map(({ answer }) => answer).join('\n')}\n`,
  });
});

test('sample draws several answers, the same for the same seed', async () => {
  const draw = async (seed: string) => {
    const options = ['--count', '3', '--max-tokens', '5', '--seed', seed];
    const lines = await json('sample', 'model', ...options, '1 + 1', '= ?');
    expect(lines.slice(0, -1).map(({ prompt }) => prompt)).toEqual(['1 + 1 = ?', '1 + 1 = ?', '1 + 1 = ?']);
    const answers = lines.at(-1) as unknown as { index: number; text: string }[];
    return answers.toSorted((a, b) => a.index - b.index).map(({ text }) => text);
  };
  const [first, again, other] = [await draw('1'), await draw('1'), await draw('2')];
  expect(again).toEqual(first);
  expect(other).not.toEqual(first);
});

/** util-linux's `script` gives a program a terminal. */
const hasTerminal = process.platform === 'linux' && existsSync('/usr/bin/script');
function onTerminal(words: string) {
  const command = `stty rows 40 columns 100; ${process.execPath} ${resolve('bin/gradus.mjs')} ${words}`;
  return spawn('/usr/bin/script', ['-qec', command, '/dev/null'], { cwd: folder });
}

test.skipIf(!hasTerminal)('chats on a terminal', async () => {
  const terminal = onTerminal('sample taught/sft-0001 --greedy');
  let shown = '';
  terminal.stdout.setEncoding('utf8').on('data', (text: string) => {
    shown += text;
    if (shown.endsWith('> \u001b[3G')) terminal.stdin.write(shown.includes('1+3=?') ? '\u0004' : '1+3=?\n');
  });
  const code = await new Promise((done) => terminal.on('close', done));
  expect(shown).toMatch(/Ctrl-D ends the chat[^]*1\+3=\?\s+4\s/);
  expect(code).toBe(0);
});

test.skipIf(!hasTerminal)(
  'shows a live screen for a run on a terminal, including a run that is watched',
  async () => {
    for (const words of ['train recipe.json --runs shown', 'runs watch shown/tiny-0001']) {
      const terminal = onTerminal(words);
      const shown = await allText(terminal.stdout);
      expect(stripVTControlCharacters(shown)).toMatch(
        /shown\/tiny-0001 · stage 1 of 1, all · step 2[^]*reward +\d\.\d{3} {2}[▁-█]{2} /,
      );
      // The last screen is erased, and the result is printed instead.
      const [, result = ''] = shown.split('\u001b[J').slice(-2);
      expect(stripVTControlCharacters(result)).toMatch(
        /(model: shown\/tiny-0001\/export\s+run: shown\/tiny-0001|after 2 steps)\s*$/,
      );
    }
  },
);

test('survives a reader that closes the pipe', async () => {
  const asked = startGradus(folder, [
    'sample',
    'model',
    '--count',
    '300',
    '--max-tokens',
    '3',
    '--json',
    'hi',
  ]);
  await asked.said('"type":"answer"');
  asked.child.stdout!.destroy();
  expect(await asked.ended).toMatchObject({ code: 0, stderr: '' });
});

test('measures difficulty once and does not repeat recorded attempts', async () => {
  const part = await json('difficulty', 'estimate', 'recipe.json', '--limit', '1');
  expect(part[0]).toMatchObject({ type: 'plan', rollouts: 4, finished: 0 });
  const rest = await json('difficulty', 'estimate', 'recipe.json');
  expect(rest[0]).toMatchObject({ type: 'plan', rollouts: 12, finished: 1 });
  const again = await json('difficulty', 'estimate', 'recipe.json');
  expect(again).toHaveLength(2);
  expect(again[0]).toMatchObject({ type: 'plan', rollouts: 0, finished: 4 });
  expect(again.at(-1)).toEqual(rest.at(-1));
  expect(again.at(-1)).toMatchObject({
    store: 'difficulty.sqlite',
    overall: { problems: 4 },
    byFamily: { addition: { problems: 4 } },
    byLevel: { hard: { problems: expect.any(Number) } },
  });

  expect((await run('difficulty', 'estimate', 'recipe.json')).stdout).toMatch(
    /: 0 rollouts of 0 problems; 4 /,
  );

  const shown = await run('difficulty', 'show', 'difficulty.sqlite', '--recipe', 'recipe.json');
  expect(shown.code).toBe(0);
  expect(shown.stdout).toMatch(/temperature 1, top-p 1, 6 tokens, judged by math@/);
  expect(shown.stdout).toMatch(/^ {2}addition .* 4 /m);
  expect(shown.stdout).toMatch(/^hard: p\(policy\) ≤ 0.25 .* \d … |^hard: .*\d\.\d\d … \d\.\d\d$/m);
});

test('adaptive probing with a likelihood prior computes it once, and rejects a model server', async () => {
  const adaptive = ['--store', 'likelihood.sqlite', '--set', 'difficulty.probing.type=adaptive'];
  const prior = ['--set', 'difficulty.probing.horizon=8', '--set', 'difficulty.probing.prior=["likelihood"]'];
  const first = await json('difficulty', 'estimate', 'recipe.json', ...adaptive, ...prior);
  expect(first.at(-1)).toMatchObject({ overall: { problems: 4 } });
  using store = readPassRateStore(join(folder, 'likelihood.sqlite'));
  const { model, template } = store.conditions()[0]!;
  const recorded = store.likelihoods({ model, template: template!, version: likelihoodVersion });
  expect(recorded.map(({ problemId, text }) => `${problemId} ${text}`)).toEqual(
    [1, 2, 3, 4].map((n) => `sum/${n} answer`),
  );
  expect(recorded.every(({ logprob, tokens }) => logprob < 0 && tokens > 1)).toBe(true);
  expect((await json('difficulty', 'estimate', 'recipe.json', ...adaptive, ...prior)).at(-1)).toEqual(
    first.at(-1),
  );
  const served = ['--set', 'policy.engine={"type":"openai","baseUrl":"http://127.0.0.1:9"}'];
  const refused = await run('difficulty', 'estimate', 'recipe.json', ...adaptive, ...prior, ...served);
  expect(refused).toMatchObject({ code: 2, stderr: expect.stringMatching(/likelihood.*local weights/s) });
});

test('predicts difficulty without sampling: ranks, and calibrated pass rates if problems were measured', async () => {
  const store = ['--store', 'predicted.sqlite'];
  const [ranked] = await json('difficulty', 'predict', 'recipe.json', ...store);
  expect(ranked).not.toHaveProperty('calibration');
  const { predictions } = ranked as unknown as { predictions: Record<string, unknown>[] };
  expect(predictions).toHaveLength(4);
  for (const { rank, logprobs, ...rest } of predictions) {
    expect(rank).toBeGreaterThanOrEqual(0);
    expect(logprobs).toEqual({ answer: { sum: expect.any(Number), tokens: expect.any(Number) } });
    expect(Object.keys(rest)).toEqual(['id']);
  }
  const generated = [{ type: 'generated', families: ['addition'], split: 'train', count: 60 }];
  const tiny = { ...tinyRecipe({ problems: generated }), policy: { model: resolve('models/gradus-tiny') } };
  writeFileSync(join(folder, 'addition.json'), JSON.stringify(tiny));
  const budget = ['--set', 'difficulty.maxTokens=24', ...store];
  await json('difficulty', 'estimate', 'addition.json', '--limit', '40', ...budget);
  const predict = ['difficulty', 'predict', 'addition.json', '--features', '--out', 'p.jsonl', ...budget];
  const [calibrated] = await json(...predict);
  expect(calibrated).toMatchObject({ calibration: { problems: 40 } });
  const names = (calibrated!['features'] as { name: string }[]).map(({ name }) => name);
  expect(names).toContain('log p(solution)');
  expect(names).toContain('complexity C (DID)');
  const rows = jsonLines({ code: 0, stderr: '', stdout: readFileSync(join(folder, 'p.jsonl'), 'utf8') });
  expect(rows).toEqual((calibrated as unknown as typeof ranked & { predictions: unknown[] }).predictions);
  expect(rows.filter(({ measured }) => measured !== undefined)).toHaveLength(40);
  for (const { passRate } of rows as { passRate: { low: number; mean: number; high: number } }[])
    expect(passRate.low <= passRate.mean && passRate.mean <= passRate.high).toBe(true);
  const shown = await run(...predict);
  expect(shown.stdout).toMatch(/calibrated on 40 measured problems: Spearman/);
  expect(shown.stdout).toMatch(/^addition\S+ +0\.\d+ +0\.\d+ +0\.\d+ … \d\.\d+ /m);
  expect(shown.stdout).toMatch(/60 predictions in p\.jsonl/);
});

test('reports level sizes of a store, and writes its problems for trainers', async () => {
  const [report] = await json('difficulty', 'levels', 'difficulty.sqlite', '--recipe', 'recipe.json');
  const { levels } = report as unknown as { levels: { name: string; overall: Record<string, number> }[] };
  expect(levels.map(({ name }) => name)).toEqual(['easy', 'medium', 'hard', 'learnable']);
  const partition = levels.slice(0, 3).reduce((sum, { overall }) => sum + overall['expected']!, 0);
  expect(partition).toBeCloseTo(4, 6);
  const open = await run('difficulty', 'levels', 'difficulty.sqlite', '--preset', 'paper');
  expect(open).toMatchObject({ code: 2, stderr: expect.stringContaining('expected one measured model') });

  const write = (...words: string[]) => json('difficulty', 'export', 'difficulty.sqlite', ...words);
  for (const format of ['verl', 'trl', 'jsonl', 'csv']) {
    const words = ['--recipe', 'recipe.json', '--to', format, '--out', `out.${format}`];
    expect(await write(...words)).toEqual([{ problems: 4, out: `out.${format}` }]);
  }
  const [header, first] = readFileSync(join(folder, 'out.csv'), 'utf8').split('\n');
  expect(header).toMatch(/^id,domain,family,source,levels,pass_rate,/);
  expect(first).toMatch(/^sum\/1,math,addition,[^,]+,hard,0,0,0\.\d+,4,[0-9a-f]{64},1\+1=\?,2$/);
  await json('difficulty', 'report', 'difficulty.sqlite', '--recipe', 'recipe.json', '-o', 'report.html');
  const page = readFileSync(join(folder, 'report.html'), 'utf8');
  expect(page).toMatch(
    /^<!doctype html>[^]*Difficulty report: tiny[^]*16 attempts[^]*Sizes of levels[^]*Worth a look/,
  );
  expect(page).not.toMatch(/<script|https?:/);

  const nobody = await run('difficulty', 'export', 'difficulty.sqlite', '--to', 'csv', '--out', 'no.csv');
  expect(nobody).toMatchObject({ code: 2, stderr: expect.stringContaining('expected --recipe') });
  const unknown = ['--recipe', 'recipe.json', '--to', 'csv', '--out', 'no.csv', '--level', 'hardest'];
  expect(await run('difficulty', 'export', 'difficulty.sqlite', ...unknown)).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('expected the name of a level, got "hardest"'),
  });
  expect(existsSync(join(folder, 'no.csv'))).toBe(false);
});

test('escapes control characters in names from files', async () => {
  writeRows(join(folder, 'hostile.jsonl'), [{ ...sums[0], family: '\u001b[2Jgone' }]);
  const file = 'evaluation[0].problems[0].path=hostile.jsonl';
  const table = await run('eval', 'model', '--recipe', 'recipe.json', '--set', file);
  expect(table.stdout).toContain('␛[2Jgone');
  expect(table.stdout).not.toContain('\u001b');
});

test('trains, lists, compares and evaluates runs', async () => {
  for (const seed of ['seed=0', 'seed=1']) {
    const lines = await json(
      'train',
      'recipe.json',
      '--set',
      seed,
      '--set',
      `batch.groupSize=${seed === 'seed=0' ? 2 : 3}`,
    );
    expect(lines.at(-1)).toMatchObject({ stages: [{ name: 'all', steps: 2 }] });
  }
  const [listed] = (await json('runs', 'list')) as unknown as [{ folder: string }[]];
  expect(listed.map(({ folder: name }) => name)).toEqual(['tiny-0001', 'tiny-0002']);

  const [compared] = await json('runs', 'compare', 'runs/tiny-0001', 'runs/tiny-0002');
  expect(compared).toMatchObject({
    recipe: [
      { path: 'seed', before: 0, after: 1 },
      { path: 'batch.groupSize', before: 2, after: 3 },
    ],
    suites: [{ suite: 'held-out', steps: [2, 2], overall: { problems: 4 } }],
  });
  const none = await run('runs', 'compare', 'runs/tiny-0001', 'runs/tiny-0002', '--suite', 'aime');
  expect(none).toMatchObject({ code: 3, stderr: expect.stringContaining('has held-out') });

  const [own] = (await json('eval', 'runs/tiny-0001', '--out', 'own.json')) as unknown as [object[]];
  expect(own).toMatchObject([{ suite: 'held-out', model: { name: 'runs/tiny-0001/export' } }]);
  expect(JSON.parse(readFileSync(join(folder, 'own.json'), 'utf8'))).toEqual(own);
  const table = await run('eval', 'model', '--recipe', 'recipe.json', '--set', 'evaluation[0].rollouts=3');
  expect(table.stdout).toMatch(/avg@3 .*\nall +4 /);
});

test('compares two recipes across several seeds', async () => {
  // tiny-0001 and tiny-0002 have seeds 0 and 1, and groups of 2 and 3.
  for (const settings of [
    ['seed=1', 'batch.groupSize=2'],
    ['seed=0', 'batch.groupSize=3'],
  ])
    await json('train', 'recipe.json', ...settings.flatMap((setting) => ['--set', setting]));
  const [first, second] = [
    ['runs/tiny-0001', 'runs/tiny-0003'],
    ['runs/tiny-0004', 'runs/tiny-0002'],
  ];
  const [named] = await json('runs', 'compare', ...first, '--with', ...second);
  expect(named).toMatchObject({
    runs: { before: first, after: second },
    seeds: [0, 1],
    recipe: [{ path: 'batch.groupSize', before: 2, after: 3 }],
    suites: [{ suite: 'held-out', rollouts: 2, steps: { before: [2, 2], after: [2, 2] } }],
    warnings: [],
  });
  const [{ overall }] = named!['suites'] as [{ overall: { problems: number; seeds: object[] } }];
  expect(overall).toMatchObject({ problems: 4, seeds: [{ seed: 0 }, { seed: 1 }] });
  const [split] = await json('runs', 'compare', 'runs/tiny-*');
  expect(split).toEqual(named);
  const table = await run('runs', 'compare', 'runs/tiny', '--suite', 'held-out');
  expect(table).toMatchObject({
    code: 0,
    stdout: expect.stringMatching(/^batch.groupSize +2 +3$[^]*^all +4 .*\[.*\]/m),
  });

  const mixed = await run('runs', 'compare', ...first, '--with', 'runs/tiny-0002', 'runs/tiny-0003');
  expect(mixed).toMatchObject({ code: 2, stderr: expect.stringContaining('with seed 1') });
  const single = await run('runs', 'compare', ...first, 'runs/tiny-0003');
  expect(single).toMatchObject({ code: 2, stderr: expect.stringContaining('runs of two recipes') });
  const none = await run('runs', 'compare', 'runs/none-*', 'runs/tiny-*');
  expect(none).toMatchObject({ code: 5, stderr: expect.stringContaining('runs/none-*') });
});

test('evaluates a run without an exported model at its last checkpoint', async () => {
  const directory = join(folder, 'runs/tiny-0001');
  const exported = (await json('eval', directory)) as unknown as [{ overall: object }[]];
  rmSync(join(directory, 'export'), { recursive: true });
  const [checkpoint] = (await json('eval', directory)) as unknown as [{ overall: object; model: object }[]];
  expect(checkpoint[0]!.overall).toEqual(exported[0][0]!.overall);
  expect(existsSync(join(directory, 'export'))).toBe(false);
});

test('evaluates a published suite without a recipe, and reports the files it read', async () => {
  const small = ['--set', 'evaluation[0].maxTokens=4', '--set', 'evaluation[0].rollouts=2'];
  const data = ['--suite-data', 'math500=problems.jsonl'];
  const [evaluations] = await json('eval', 'model', '--suite', 'lighteval|math_500|0|0', ...data, ...small);
  expect(evaluations).toEqual([
    expect.objectContaining({
      suite: 'math500',
      sampling: { rollouts: 2, temperature: 0.6, topP: 0.95, maxTokens: 4, greedy: false },
      sources: [expect.objectContaining({ source: 'problems.jsonl', problems: sums.length })],
    }),
  ]);
  expect(await run('eval', 'model')).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('--suite math500'),
  });
  expect((await run('eval', '--list-suites')).stdout).toMatch(/^livecodebench +avg@4/m);
});

test('doctor passes on this machine, and names the fix for problems', async () => {
  const fit = await run('doctor');
  expect(fit.code).toBe(0);
  expect(fit.stdout).toMatch(/^ok +onnxruntime +loads and computes$/m);
  const nobody = await run('doctor', 'http://127.0.0.1:1/v1');
  expect(nobody.code).toBe(4);
  expect(nobody.stderr).toContain('ECONNREFUSED');
  expect(nobody.stderr).toContain('try: curl http://127.0.0.1:1/v1/models');
  const unfit = await run('doctor', '--runs', 'recipe.json/runs', '--json');
  expect(unfit.code).toBe(4);
  const [checks] = jsonLines(unfit) as unknown as [{ name: string; status: string }[]];
  expect(checks.filter(({ status }) => status === 'missing').map(({ name }) => name)).toEqual([
    'runs folder',
  ]);
  expect(JSON.parse(unfit.stderr)).toMatchObject({ error: { code: 'SYSTEM_UNFIT' } });
});

test('stops a run cleanly when its output is closed', async () => {
  // In a terminal, Ctrl-C ends the tee of `gradus train … 2>&1 | tee log` first.
  const options = ['--runs', 'unread', '--set', 'stages[0].maxSteps=100000', '--set', 'evaluation=[]'];
  const training = startGradus(folder, ['train', 'recipe.json', ...options]);
  await training.said('step 1 ');
  training.child.stdout!.destroy();
  training.child.stderr!.destroy();
  training.child.kill('SIGINT');
  expect((await training.ended).code).toBe(130);
});
