import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { afterAll, expect, test } from 'vitest';
import { readExamples } from './examples.ts';

const folder = mkdtempSync(join(tmpdir(), 'gradus-examples-'));
afterAll(() => rmSync(folder, { recursive: true }));
const file = join(folder, 'examples.jsonl');
const read = (text: string) => {
  writeFileSync(file, text);
  return readExamples(file);
};

test('reads rows, and converts a string prompt to one user message', async () => {
  const role = fc.constantFrom('system', 'user', 'assistant');
  const messages = fc.array(fc.record({ role, content: fc.string() }), { minLength: 1, maxLength: 3 });
  const row = fc.record({
    prompt: fc.oneof(fc.string(), messages),
    completion: fc.string({ minLength: 1 }),
    source: fc.string(),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(row, { minLength: 1, maxLength: 5 }), async (rows) => {
      const expected = rows.map(({ prompt, completion }) => ({
        prompt: typeof prompt === 'string' ? [{ role: 'user', content: prompt }] : prompt,
        completion,
      }));
      expect(await read(rows.map((one) => JSON.stringify(one)).join('\n\n'))).toEqual(expected);
    }),
    { numRuns: 30 },
  );
});

test.each([
  ['', /examples\.jsonl: expected one JSON object per row, got an empty file/],
  ['{"prompt":"a","completion":"b"}\n{"prompt":"a","comp', /examples\.jsonl:2: expected one whole JSON/],
  ['[1]', /:1: row: .*got \[1\]/],
  ['{"prompt":"a"}', /:1: column "completion": expected a string, got nothing/],
  ['{"prompt":"a","completion":""}', /column "completion": expected a non-empty string, got ""/],
  ['{"prompt":7,"completion":"b"}', /column "prompt": expected a string or a list of .* messages, got 7/],
  ['{"prompt":[{"role":"robot","content":""}],"completion":"b"}', /column "prompt.*messages/],
])('rejects %j with an error that names file, row and column', async (text, message) => {
  await expect(read(text)).rejects.toThrow(message);
});

test('reports a missing file by name', async () => {
  await expect(readExamples(join(folder, 'none.jsonl'))).rejects.toThrow(
    /none\.jsonl: expected a readable file/,
  );
});
