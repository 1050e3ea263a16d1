import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test, vi } from 'vitest';
import { main } from '../main.ts';

const folder = mkdtempSync(join(tmpdir(), 'gradus-knowledge-cli-'));
afterAll(() => rmSync(folder, { recursive: true }));
const path = (name: string): string => join(folder, name);
const write = (name: string, rows: readonly object[]): void =>
  writeFileSync(path(name), rows.map((row) => JSON.stringify(row)).join('\n'));

/** Runs `gradus --json knowledge …`; returns the exit code, the last line and the warnings. */
async function knowledge(...words: (string | readonly string[])[]) {
  const lines: string[] = [];
  const warnings: string[] = [];
  const out = vi.spyOn(process.stdout, 'write').mockImplementation((text) => lines.push(String(text)) > 0);
  const err = vi.spyOn(process.stderr, 'write').mockImplementation((text) => warnings.push(String(text)) > 0);
  const error = vi.spyOn(console, 'error').mockImplementation((text) => void lines.push(String(text)));
  try {
    const code = await main(['node', 'gradus', '--json', 'knowledge', ...words.flat()]);
    return { code, result: JSON.parse(lines.at(-1)!) as Record<string, unknown>, warnings };
  } finally {
    for (const spy of [out, err, error]) spy.mockRestore();
  }
}

/** A timeout that suffices for training on a busy machine. */
const slow = { timeout: 600_000 };

test(
  'trains a reranker on rationales, puts its passages into prompts, and measures them with a model',
  slow,
  async () => {
    const things = ['bake', 'keba', 'dimo', 'modi'];
    const facts = things.flatMap((thing, i) => [
      { id: `${thing}-1`, text: ` ${thing} teli ${10 + i}` },
      { id: `${thing}-2`, text: ` ${thing} nopu ${30 + i}` },
    ]);
    write('facts.jsonl', facts);
    const rows = things.flatMap((thing, i) => [
      {
        id: `${thing}-a`,
        prompt: ` ${thing} lite`,
        rationale: `${thing} teli ${10 + i}`,
        answer: `${10 + i}`,
      },
      {
        id: `${thing}-b`,
        prompt: ` ${thing} puno`,
        rationale: `${thing} nopu ${30 + i}`,
        answer: `${30 + i}`,
      },
    ]);
    write(
      'rationales.jsonl',
      rows.map((row) => ({
        ...row,
        domain: 'short-answer',
        completion: `${row.rationale}.`,
        problemId: row.id,
      })),
    );
    expect(await knowledge('build', path('facts.jsonl'), '--out', path('kb'))).toMatchObject({ code: 0 });
    const model = ['--model', 'models/gradus-search'];
    const trained = await knowledge(
      [
        'rerank-train',
        path('rationales.jsonl'),
        ...model,
        '--knowledge',
        path('kb'),
        '--out',
        path('reranker'),
      ],
      ['--template', '{passage}\\n{question}', '--yes', ' num', '--epochs', '3', '--batch-size', '8'],
      ['--learning-rate', '1e-3', '--warmup', '0'],
    );
    expect(trained).toMatchObject({ code: 0, result: { step: 3, lastStep: 3 } });
    const record = JSON.parse(readFileSync(path('reranker/reranker.json'), 'utf8')) as object;
    expect(record).toMatchObject({
      template: '{passage}\n{question}',
      yes: ' num',
      sample: 4,
      rationales: 8,
    });
    const source = ['--knowledge', path('kb'), '--reranker', path('reranker')];
    const template = ['--template', '<information>{passages}</information>{question}', '--layout', 'plain'];
    const context = await knowledge(
      'context',
      path('rationales.jsonl'),
      ...source,
      ...template,
      '--out',
      path('with.jsonl'),
    );
    expect(context).toMatchObject({ code: 0, result: { rows: 8, empty: 0 } });
    expect(context.result['goldStated']).toBeTypeOf('number');
    const [first] = readFileSync(path('with.jsonl'), 'utf8').split('\n');
    expect(JSON.parse(first!)).toMatchObject({
      prompt: expect.stringMatching(/^<information> bake \w+ \d\d\n<\/information> bake lite$/),
      rationale: 'bake teli 10',
      passages: [expect.stringMatching(/^bake-/)],
    });
    const measured = await knowledge(
      [
        'measure',
        path('rationales.jsonl'),
        ...source,
        ...template,
        ...model,
        '--rollouts',
        '1',
        '--max-tokens',
        '10',
      ],
      ['--recipe', 'recipes/kard/recipe.ts'],
    );
    expect(measured).toMatchObject({
      code: 0,
      result: { problems: 8, reranker: expect.stringMatching(/^reranker-/) },
    });
    const { conditions, hits } = measured.result as {
      conditions: { condition: string; accuracy: object }[];
      hits: Record<string, { at10: { mean: number } }>;
    };
    expect(conditions.map(({ condition }) => condition)).toEqual([
      'none',
      'retriever',
      'reranker',
      'oracle',
      'shuffled',
    ]);
    for (const { accuracy } of conditions) expect(accuracy).toMatchObject({ mean: expect.any(Number) });
    for (const by of ['retriever', 'reranker']) expect(hits[by]!.at10.mean).toBeGreaterThan(0);
  },
);

test('errors give the path of the missing input', async () => {
  write('rows.jsonl', [{ prompt: 'x' }]);
  write('one.jsonl', [{ text: 'x' }]);
  await knowledge('build', path('one.jsonl'), '--out', path('one'));
  const run = async (...words: string[]) => (await knowledge(...words)).result;
  const model = ['--model', 'models/gradus-search', '--knowledge', path('one')];
  expect(await run('rerank-train', path('rows.jsonl'), ...model, '--out', path('r'))).toMatchObject({
    error: { message: expect.stringContaining('column "rationale"') },
  });
  expect(
    await run(
      'context',
      path('rows.jsonl'),
      '--knowledge',
      path('one'),
      '--reranker',
      path('one'),
      '--out',
      path('c.jsonl'),
    ),
  ).toMatchObject({ error: { message: expect.stringContaining('reranker.json') } });
  expect(
    await run(
      'context',
      path('rows.jsonl'),
      '--knowledge',
      path('one'),
      '--template',
      'x',
      '--out',
      path('c.jsonl'),
    ),
  ).toMatchObject({ error: { message: expect.stringContaining('{question}') } });
});
