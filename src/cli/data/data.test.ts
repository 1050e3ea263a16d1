import { linkSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test, vi } from 'vitest';
import { commitOf, openFakeHub } from '../../../test/hub/fake-hub.ts';
import { main } from '../main.ts';

const folder = mkdtempSync(join(tmpdir(), 'gradus-data-'));
afterAll(() => {
  rmSync(folder, { recursive: true });
});
const path = (name: string): string => join(folder, name);
const rowsOf = (name: string): Record<string, unknown>[] =>
  readFileSync(path(name), 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);

/** Runs `gradus --json data …`; returns the exit code and the result or error. */
async function run(...words: string[]): Promise<{ code: number; result: Record<string, unknown> }> {
  const lines: string[] = [];
  const write = vi.spyOn(process.stdout, 'write').mockImplementation((text) => lines.push(String(text)) > 0);
  const error = vi.spyOn(console, 'error').mockImplementation((text) => void lines.push(String(text)));
  try {
    const code = await main(['node', 'gradus', '--json', 'data', ...words]);
    return { code, result: JSON.parse(lines.at(-1)!) as Record<string, unknown> };
  } finally {
    write.mockRestore();
    error.mockRestore();
  }
}

const question =
  'A train leaves the station at noon and runs 60 miles an hour for 3 hours without a stop, while the driver reads the paper and looks out of the window. How many miles does it run?';
const polaris = (problem: string, answer: string, difficulty = '4/8') => ({ problem, answer, difficulty });

test('converts a published file to a training file: import, check, dedup, decontaminate, export', async () => {
  writeFileSync(
    path('raw.json'),
    JSON.stringify([
      polaris(question, '180'),
      polaris(question.replace('noon', 'dawn'), '\\boxed{180}'),
      polaris('What is $\\frac{1}{2}$ of 5?', '2.5', '8/8'),
      polaris('what is \\(1/2\\) of 5', '\\frac{5}{2}'),
      polaris('Prove that 2 is prime.', 'true'),
      polaris('What is 2+2?', '', '1/8'),
      polaris('What is 3 times 3 plus 1?', '{10'),
      polaris('How many sides does a hexagon have?', '6'),
    ]),
  );
  writeFileSync(path('exam.csv'), 'question,answer\n"How many sides\ndoes a hexagon have?",6\n');

  const imported = await run('import', path('raw.json'), '--out', path('a.jsonl'), '--on-error', 'skip');
  expect(imported).toMatchObject({ code: 0, result: { problems: 7, skipped: 1 } });
  expect(imported.result['firstSkipped']).toEqual([expect.stringContaining('raw.json:6: column "answer"')]);

  const checked = await run(
    'check',
    path('a.jsonl'),
    '--out',
    path('b.jsonl'),
    '--findings',
    path('found.jsonl'),
  );
  expect(checked.result).toMatchObject({ seen: 7, kept: 5, removed: { proof: 1, 'unreadable gold': 1 } });
  expect(rowsOf('found.jsonl').map(({ reason }) => reason)).toEqual(['proof', 'unreadable gold']);

  const distinct = await run('dedup', path('b.jsonl'), '--out', path('c.jsonl'));
  expect(distinct.result).toMatchObject({ kept: 3, removed: { 'near duplicate': 1, 'exact duplicate': 1 } });

  const clean = await run(
    'decontaminate',
    path('c.jsonl'),
    '--against',
    path('exam.csv'),
    '--out',
    path('d.jsonl'),
  );
  expect(clean.result).toMatchObject({ kept: 2, removed: { [`in ${path('exam.csv')}: same text`]: 1 } });

  for (const format of ['verl', 'trl', 'jsonl'])
    expect(
      (await run('export', path('d.jsonl'), '--format', format, '--out', path(`e.${format}`))).code,
    ).toBe(0);
  expect(rowsOf('e.jsonl')).toMatchObject([
    {
      prompt: question,
      answer: '180',
      pass_rate: 0.5,
      trials: 8,
      pass_rate_model: 'DeepSeek-R1-Distill-Qwen-7B',
    },
    { answer: '2.5', pass_rate: 1 },
  ]);
});

test('an invalid row ends an import with an error that gives the row, the reason and a fix', async () => {
  writeFileSync(path('bad.csv'), 'question,answer\nWhat?,1\nAnd?,\n');
  const { code, result } = await run('import', path('bad.csv'), '--out', path('no.jsonl'));
  expect(code).toBe(3);
  expect(result['error']).toMatchObject({
    message: expect.stringMatching(/bad\.csv:2: expected a gold "answer"/) as string,
    tryNext: expect.stringContaining('--on-error skip') as string,
  });
});

test('imports a difficulty column as described by flags, and validates the flags', async () => {
  writeFileSync(path('rated.tsv'), 'q\ta\tfailed\nWhat?\t1\t25\n');
  const columns = ['--column', 'prompt=q', '--column', 'answer=a'];
  const label = 'column=failed,model=m,trials=8,counts=failures,unit=percent';
  await run('import', path('rated.tsv'), ...columns, '--pass-rate', label, '--out', path('r.jsonl'));
  expect(rowsOf('r.jsonl')[0]).toMatchObject({ passRates: [{ model: 'm', successes: 6, trials: 8 }] });
  const wrong = await run(
    'import',
    path('rated.tsv'),
    '--pass-rate',
    'column=failed',
    '--out',
    path('r.jsonl'),
  );
  expect(wrong.code).toBe(2);
  expect(
    await run('import', path('rated.tsv'), '--column', 'frage=q', '--out', path('r.jsonl')),
  ).toMatchObject({ code: 2 });
});

test('imports from a hub and counts invalid rows', async () => {
  const rows = '{"question":"1+1?","answer":"2"}\n{"question":"1+2?"}\n';
  const commits = { [commitOf('a')]: { 'main/train.jsonl': rows } };
  await using hub = await openFakeHub([{ name: 'us/sums', commits, branches: { main: commitOf('a') } }]);
  vi.stubEnv('HF_ENDPOINT', hub.endpoint);
  vi.stubEnv('HF_HUB_CACHE', path('cache'));
  const words = ['import', 'hf://datasets/us/sums/main/train', '--out', path('sums.jsonl')];
  expect(await run(...words)).toMatchObject({
    code: 3,
    result: {
      error: {
        message: expect.stringContaining(
          `hf://datasets/us/sums@${commitOf('a')}/main/train.jsonl:2: `,
        ) as string,
      },
    },
  });
  expect(await run(...words, '--on-error', 'skip')).toMatchObject({
    code: 0,
    result: { problems: 1, skipped: 1 },
  });
  expect(rowsOf('sums.jsonl')).toMatchObject([
    { prompt: '1+1?', answer: '2', id: expect.stringMatching(/^[0-9a-f]{16}$/) as string },
  ]);
  vi.unstubAllEnvs();
});

test('rejects ids shared by two files, unless ids are derived from the content', async () => {
  writeFileSync(path('one.jsonl'), '{"id":0,"problem":"a","answer":"1"}\n');
  writeFileSync(path('two.jsonl'), '{"id":0,"problem":"b","answer":"1"}\n');
  const words = ['import', path('one.jsonl'), path('two.jsonl'), '--out', path('both.jsonl')];
  expect(await run(...words)).toMatchObject({
    code: 3,
    result: { error: { message: expect.stringMatching(/again \(first at .*one.jsonl:1\)/) as string } },
  });
  expect(await run(...words, '--column', 'id=none')).toMatchObject({ code: 0, result: { problems: 2 } });
});

test('rejects an --out file that is not JSON Lines, is also an input, or exists (without --force)', async () => {
  const rows = '{"question": "1+1?", "answer": "2"}\n';
  writeFileSync(path('in.jsonl'), rows);
  const refused = async (...words: string[]) => {
    const { code, result } = await run(...words);
    expect(code).toBe(2);
    return (result['error'] as { message: string }).message;
  };
  for (const name of ['x.parquet', 'x.csv', 'x.jsonl.gz'])
    expect(await refused('import', path('in.jsonl'), '--out', path(name))).toContain('ends in .jsonl');
  linkSync(path('in.jsonl'), path('same.jsonl'));
  for (const name of ['in.jsonl', 'same.jsonl'])
    expect(await refused('import', path('in.jsonl'), '--out', path(name), '--force')).toContain(
      `expected a file other than the input ${path('in.jsonl')}`,
    );
  writeFileSync(path('old.jsonl'), 'mine');
  for (const command of [['import'], ['check'], ['dedup'], ['export', '--format', 'jsonl']])
    expect(await refused(...command, path('in.jsonl'), '--out', path('old.jsonl'))).toContain(
      'expected a new file, got an existing one',
    );
  expect(readFileSync(path('old.jsonl'), 'utf8')).toBe('mine');
  expect(readFileSync(path('in.jsonl'), 'utf8')).toBe(rows);
  expect(await run('import', path('in.jsonl'), '--out', path('old.jsonl'), '--force')).toMatchObject({
    code: 0,
    result: { problems: 1 },
  });
});

test('the error for an invalid row has the form of the most similar row, and suggests a new file', async () => {
  const rows = [
    { prompt: 'p', answer: '1', domain: 'd' },
    { question: 'q', answer: '2' },
    { prompt: 'r', anwser: '3', domain: 'd' },
  ];
  writeFileSync(path('problems.jsonl'), rows.map((row) => JSON.stringify(row)).join('\n'));
  const { result } = await run('check', path('problems.jsonl'), '--out', path('checked.jsonl'));
  const error = result['error'] as { message: string; tryNext: string };
  expect(error.message).toContain(
    'expected a gold "answer" or "tests", got neither (columns: prompt, anwser, domain)',
  );
  expect(error.tryNext).toMatch(/--on-error skip --out imported\.jsonl$/);
});

test('the error for an invalid row names the columns in the file and the command that skips the row', async () => {
  writeFileSync(path('bad.jsonl'), '{"question": "1+1?", "answer": "2"}\n{"question": "1+2?"}\n');
  const { result } = await run('import', path('bad.jsonl'), '--out', path('good.jsonl'));
  const error = result['error'] as { message: string; tryNext: string };
  expect(error.message).toContain('(columns: question)');
  expect(error.tryNext).toBe(
    `gradus data import ${path('bad.jsonl')} --on-error skip --out ${path('good.jsonl')}`,
  );
});
