import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { afterAll, expect, test } from 'vitest';
import { GradusError } from '../core/errors.ts';
import type { Problem } from '../core/problem.ts';
import { jsonl } from './jsonl-source.ts';
import { loadSource, problemSourceConfig } from './problem-source.ts';

const folder = mkdtempSync(join(tmpdir(), 'gradus-jsonl-'));
afterAll(() => {
  rmSync(folder, { recursive: true });
});

async function read(text: string, options: Parameters<typeof jsonl>[1] = {}): Promise<readonly Problem[]> {
  writeFileSync(join(folder, 'p.jsonl'), text);
  const source = problemSourceConfig.parse(jsonl('p.jsonl', options));
  return (await loadSource(source, { baseDir: folder })).problems;
}

test('reads rows with defaults, skips blank ones, keeps unknown columns', async () => {
  const problems = await read(
    '\uFEFF{"prompt":"1+1=?","answer":2,"grade":3}\r\n\n{"id":"b","prompt":[{"role":"user","content":"hi"}],"answer":"x","domain":"chat"}\n',
  );
  expect(problems).toEqual([
    {
      id: '824cd2cefd78a65a',
      domain: 'math',
      prompt: [{ role: 'user', content: '1+1=?' }],
      answer: '2',
      source: 'p.jsonl',
      extra: { grade: 3 },
    },
    { id: 'b', domain: 'chat', prompt: [{ role: 'user', content: 'hi' }], answer: 'x', source: 'p.jsonl' },
  ]);
});

test('reads the rows shown in the documentation', async () => {
  const [, rows] = /```json\n([^]*?)```/.exec(readFileSync('docs/data.md', 'utf8'))!;
  const kinds = (await read(rows!)).map(({ tests, answer }) => tests?.type ?? answer);
  expect(kinds).toEqual(['42', 'function', 'stdio', 'asserts']);
});

test('maps columns, adds the instruction and reads tests', async () => {
  const tests = {
    type: 'function',
    language: 'javascript',
    entryPoint: 'f',
    cases: [{ arguments: [1], expected: 2 }],
  };
  const [problem] = await read(JSON.stringify({ question: 'Double x.', checks: tests }), {
    columns: { prompt: 'question', tests: 'checks' },
    domain: 'code',
    instruction: 'Write f.',
  });
  expect(problem).toMatchObject({ domain: 'code', prompt: [{ content: 'Double x.\nWrite f.' }], tests });
});

test.each([
  ['an empty file', '', 'p.jsonl: expected one JSON object per row, got an empty file'],
  [
    'an incomplete last row',
    '{"prompt":"a","answer":"1"}\n{"prompt":"b","ans',
    'p.jsonl:2: expected one whole JSON object',
  ],
  ['a row that is not an object', '[1]', 'p.jsonl:1: expected a JSON object, got [1]'],
  [
    'a missing prompt',
    '{"question":"a","answer":"1"}',
    'p.jsonl:1: expected a column "prompt", got none (columns: question, answer)',
  ],
  ['a missing gold', '{"prompt":"a"}', 'p.jsonl:1: expected a gold "answer" or "tests", got neither'],
  [
    'an empty gold',
    '{"prompt":"a","answer":""}',
    'p.jsonl:1: column "answer": expected a non-blank string, got ""',
  ],
  [
    'a wrong type',
    '{"prompt":7,"answer":"1"}',
    'p.jsonl:1: column "prompt": expected a string or a list of {role, content} messages, got 7',
  ],
  [
    'tests without cases',
    '{"prompt":"a","tests":{"type":"stdio","language":"python","cases":[]}}',
    'p.jsonl:1: column "tests.cases": ',
  ],
  [
    'tests in an unknown form',
    '{"prompt":"a","tests":[{"input":[1],"output":2}]}',
    '; write tests as {"type":"function","language":"javascript","entryPoint":"double","cases":[{"arguments":[2],"expected":4}]}',
  ],
  [
    'tests with several mistakes',
    '{"prompt":"a","tests":{"type":"stdio","lang":"python","cases":[{"input":"1"}]}}',
    /column "tests\.language": .*, "tests\.cases\.0\.output": .*, "tests": .*"lang".*; write tests as \{"type":"stdio"/,
  ],
  ['NaN', '{"prompt":"a","answer":NaN}', /p\.jsonl:1: .*Python's NaN and Infinity are not JSON/],
  ['an object over several lines', '{\n "prompt": "a"\n}', /p\.jsonl:1: .*one line/],
  [
    'a repeated id',
    '{"id":"a","prompt":"a","answer":"1"}\n{"id":"a","prompt":"b","answer":"1"}',
    'p.jsonl:2: expected a new "id", got "a" again (first at p.jsonl:1)',
  ],
])('reports %s as one error', async (_, text, message) => {
  await expect(read(text)).rejects.toThrow(message);
});

test('reports a missing file as one error', async () => {
  const config = problemSourceConfig.parse(jsonl('nowhere.jsonl'));
  await expect(loadSource(config, { baseDir: folder })).rejects.toThrow(
    /^nowhere\.jsonl: expected a readable file, got ENOENT/,
  );
});

test('reads any file content as problems or throws a DataError', async () => {
  const row = fc.oneof(
    fc.string(),
    fc.json(),
    fc
      .record(
        { id: fc.jsonValue(), prompt: fc.jsonValue(), answer: fc.jsonValue(), tests: fc.jsonValue() },
        { requiredKeys: [] },
      )
      .map((value) => JSON.stringify(value)),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(row, { maxLength: 4 }), async (rows) => {
      const error: unknown = await read(rows.join('\n')).then(
        () => undefined,
        (cause: unknown) => cause,
      );
      expect(error === undefined || (GradusError.isInstance(error) && error.code === 'DATA_INVALID')).toBe(
        true,
      );
    }),
    { numRuns: 150 },
  );
});

test('suggests file() for a file that is not JSON Lines', async () => {
  writeFileSync(join(folder, 'x.csv'), 'prompt,answer\n1+1?,2\n');
  const source = problemSourceConfig.parse(jsonl('x.csv'));
  await expect(loadSource(source, { baseDir: folder })).rejects.toThrow(
    "x.csv: expected JSON Lines, since the source is jsonl(), got a name that ends in .csv; read it with file('x.csv')",
  );
});
