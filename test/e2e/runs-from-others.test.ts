import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { DatabaseSync } from 'node:sqlite';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createPlayer } from '../../src/models/player.ts';
import { recipeFile } from '../../src/runs/files/recipe-file.ts';
import { gradus, makeWorkplace, sums, tinyRecipe, writeRows } from './gradus.ts';

const folder = makeWorkplace('others');
const here = mkdtempSync(join(folder, 'state-'));
const elsewhere = mkdtempSync(join(folder, 'state-'));
const marker = join(folder, 'ran.txt');
const run = join('runs', 'tiny-0001');
let serial = 0;

beforeAll(async () => {
  process.env['GRADUS_STATE_DIR'] = here;
  writeRows(join(folder, 'problems.jsonl'), sums);
  writeRows(join(folder, 'examples.jsonl'), [{ prompt: '1+1=?', completion: '2' }]);
  writeFileSync(
    join(folder, 'judge.mjs'),
    `import { writeFileSync } from 'node:fs';
     writeFileSync(${JSON.stringify(marker)}, 'a stranger was here');
     export default () => ({ verify: () => ({ outcome: 'incorrect', reason: 'no' }) });`,
  );
  const recipe = tinyRecipe({
    verifiers: { math: { type: 'custom', module: './judge.mjs' } },
    stages: [{ type: 'stage', name: 'all', maxSteps: 4 }],
    checkpoints: { everySteps: 2 },
  });
  writeFileSync(join(folder, 'recipe.json'), JSON.stringify(recipe));
  await gradus(folder, 'train', 'recipe.json');
  rmSync(marker);
}, 120_000);
afterAll(() => {
  delete process.env['GRADUS_STATE_DIR'];
  rmSync(folder, { recursive: true, force: true });
});

/** Copies the interrupted run and changes its recipe and database. */
function copyOf(change: { readonly recipe?: (recipe: any) => object; readonly sql?: string[] } = {}): string {
  const copy = join('runs', `copy-${String(++serial).padStart(4, '0')}`);
  const path = join(folder, copy);
  cpSync(join(folder, run), path, { recursive: true });
  const database = new DatabaseSync(join(path, 'run.sqlite'));
  database.exec("UPDATE run SET status = 'interrupted', ended_at = NULL");
  if (change.recipe !== undefined) {
    const { recipe } = JSON.parse(readFileSync(join(path, 'recipe.json'), 'utf8'));
    const file = recipeFile(change.recipe(recipe));
    writeFileSync(join(path, 'recipe.json'), JSON.stringify(file));
    database.prepare('UPDATE run SET recipe_hash = ?').run(file.hash);
  }
  for (const statement of change.sql ?? []) database.exec(statement);
  database.close();
  return copy;
}

const withCommand = (recipe: any): object => ({
  ...recipe,
  policy: {
    ...recipe.policy,
    engine: { type: 'torch', command: ['sh', '-c', `touch ${marker}`] },
  },
});

describe('a run from elsewhere', () => {
  const commands: readonly (readonly string[])[] = [
    ['sample', 'RUN', '1+2=?'],
    ['eval', 'RUN'],
    ['serve', 'model', 'RUN', '--port', '0'],
    ['resume', 'RUN'],
    ['sft', 'RUN', 'examples.jsonl', '--runs', 'fine-tuned'],
  ];
  test.for(commands)('%s runs neither its engine command nor its verifier', async (words) => {
    process.env['GRADUS_STATE_DIR'] = elsewhere;
    const hostile = copyOf({ recipe: withCommand });
    const { code, stderr } = await gradus(folder, ...words.map((word) => (word === 'RUN' ? hostile : word)));
    process.env['GRADUS_STATE_DIR'] = here;
    expect([code, existsSync(marker)]).toEqual([expect.any(Number), false]);
    expect(code).not.toBe(0);
    expect(stderr).toContain('this run was made elsewhere');
    expect(stderr).toContain('engine: runs sh -c touch');
    expect(stderr).toContain('--trust');
  });

  test('verify audit loads its verifier module only with --trust', async () => {
    process.env['GRADUS_STATE_DIR'] = elsewhere;
    const hostile = copyOf();
    const refused = await gradus(folder, 'verify', 'audit', hostile);
    expect([refused.code === 0, existsSync(marker)]).toEqual([false, false]);
    expect(refused.stderr).toContain('verifier of math: loads the module ./judge.mjs');
    const trusted = await gradus(folder, 'verify', 'audit', hostile, '--trust');
    process.env['GRADUS_STATE_DIR'] = here;
    expect([trusted.code, existsSync(marker)]).toEqual([0, true]);
    rmSync(marker);
  });

  test('dashboard --play opens neither its engine nor its verifier', async () => {
    process.env['GRADUS_STATE_DIR'] = elsewhere;
    const hostile = copyOf({ recipe: withCommand });
    await using player = createPlayer();
    const prompt = { messages: [{ role: 'user', content: '1+2=?' }] as const, count: 1, maxTokens: 4 };
    const ask = async (problem?: string): Promise<unknown> => {
      const question = { ...prompt, problem, temperature: 1, seed: 0 };
      for await (const event of player.answer(join(folder, hostile), question, AbortSignal.timeout(20_000)))
        return event;
      return undefined;
    };
    await expect(ask()).rejects.toThrow('engine: runs sh -c touch');
    await expect(ask('sum/1')).rejects.toThrow('verifier of math: loads the module');
    process.env['GRADUS_STATE_DIR'] = here;
    expect(existsSync(marker)).toBe(false);
  });

  test('eval sends no prompts to the server that the run names', async () => {
    const requests: string[] = [];
    const server = createServer((request, response) => {
      requests.push(String(request.url));
      response.end('{}');
    });
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    const { port } = server.address() as AddressInfo;
    process.env['GRADUS_STATE_DIR'] = elsewhere;
    const hostile = copyOf({
      recipe: (recipe) => ({
        ...recipe,
        policy: { ...recipe.policy, engine: { type: 'openai', baseUrl: `http://127.0.0.1:${port}/v1` } },
        verifiers: { math: { type: 'math', extraction: 'boxed' } },
      }),
    });
    const { code, stderr } = await gradus(folder, 'eval', hostile);
    process.env['GRADUS_STATE_DIR'] = here;
    server.close();
    expect([code === 0, requests]).toEqual([false, []]);
    expect(stderr).toContain(`engine: sends prompts to http://127.0.0.1:${port}/v1`);
  });

  test('a run made on this machine needs no --trust, even after a move', async () => {
    const { code } = await gradus(folder, 'resume', copyOf());
    expect([code, existsSync(marker)]).toEqual([0, true]);
    rmSync(marker);
  });

  test('a recipe edited together with its hash counts as from elsewhere', async () => {
    const { code, stderr } = await gradus(folder, 'resume', copyOf({ recipe: withCommand }));
    expect([code === 0, existsSync(marker)]).toEqual([false, false]);
    expect(stderr).toContain('this run was made elsewhere');
  });
});

describe('resume changes only files that Gradus made', () => {
  const stopped = ["UPDATE run SET status = 'interrupted'"];

  test('keeps a user’s files in the folders of a run', async () => {
    const copy = copyOf({ sql: stopped });
    const mine = [
      'checkpoints/best-so-far',
      'rollouts/mine.parquet',
      'rollouts/notes.txt',
      '.tmp-mine',
      'notes.md',
    ];
    mkdirSync(join(folder, copy, mine[0]!));
    for (const name of mine.slice(1)) writeFileSync(join(folder, copy, name), 'mine');
    expect(await gradus(folder, 'resume', copy)).toMatchObject({ code: 0 });
    expect(mine.filter((name) => !existsSync(join(folder, copy, name)))).toEqual([]);
  });

  test.for([
    "UPDATE checkpoints SET folder = '../../../outside' WHERE id = (SELECT max(id) FROM checkpoints)",
    "UPDATE shards SET file = '../../../outside/a.parquet' WHERE id = 1",
  ])('keeps a crafted row inside the run: %s', async (statement) => {
    const outside = join(folder, 'outside');
    mkdirSync(join(outside, 'engine'), { recursive: true });
    writeFileSync(join(outside, 'a.parquet'), 'precious');
    const { code, stderr } = await gradus(folder, 'resume', copyOf({ sql: [...stopped, statement] }));
    expect([code === 0, readdirSync(outside)]).toEqual([false, ['a.parquet', 'engine']]);
    expect(stderr).toContain('expected a name such as step-000120');
  });

  test.for(['rollouts', 'checkpoints', 'run.sqlite', 'pass-rates.sqlite', 'tool-results.sqlite'])(
    'rejects a linked %s',
    async (name) => {
      const copy = copyOf({ sql: stopped });
      const outside = join(folder, `linked-${name}`);
      cpSync(join(folder, copy, name), outside, { recursive: true });
      rmSync(join(folder, copy, name), { recursive: true });
      symlinkSync(outside, join(folder, copy, name));
      const before = existsSync(outside) && readdirSync(folder, { recursive: true }).length;
      const { code, stderr } = await gradus(folder, 'resume', copy);
      expect(code).not.toBe(0);
      expect(stderr).toContain('found a symbolic link');
      expect(readdirSync(folder, { recursive: true }).length).toBe(before);
    },
  );

  test('changes nothing when rejected', async () => {
    const copy = copyOf({ sql: [...stopped, 'DELETE FROM checkpoints WHERE step > 2'] });
    const state = (): unknown[] => {
      const database = new DatabaseSync(join(folder, copy, 'run.sqlite'), { readOnly: true });
      const tables = ['steps', 'groups', 'shards', 'sessions', 'checkpoints'];
      const counts = tables.map(
        (table) => database.prepare(`SELECT count(*) AS n FROM ${table}`).get()!['n'],
      );
      database.close();
      return [...counts, ...readdirSync(join(folder, copy), { recursive: true }).map(String).toSorted()];
    };
    const before = state();
    writeRows(join(folder, 'problems.jsonl'), sums.slice(1));
    const { code, stderr } = await gradus(folder, 'resume', copy);
    writeRows(join(folder, 'problems.jsonl'), sums);
    expect(code).not.toBe(0);
    expect(stderr).toContain('problems.jsonl');
    expect(state()).toEqual(before);
    expect(await gradus(folder, 'resume', copy)).toMatchObject({ code: 0 });
  });
});
