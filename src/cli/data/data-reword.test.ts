import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test, vi } from 'vitest';
import { chatAnswer, serveModel } from '../../../test/model-server/fake-model-server.ts';
import { main } from '../main.ts';

const folder = mkdtempSync(join(tmpdir(), 'gradus-reword-cli-'));
afterAll(() => rmSync(folder, { recursive: true }));
const path = (name: string): string => join(folder, name);

/** Runs `gradus --json data reword …`; returns the exit code and the last line. */
async function reword(...words: string[]): Promise<{ code: number; result: Record<string, unknown> }> {
  const lines: string[] = [];
  const write = vi.spyOn(process.stdout, 'write').mockImplementation((text) => lines.push(String(text)) > 0);
  const error = vi.spyOn(console, 'error').mockImplementation((text) => void lines.push(String(text)));
  try {
    const code = await main(['node', 'gradus', '--json', 'data', 'reword', ...words]);
    return { code, result: JSON.parse(lines.at(-1)!) as Record<string, unknown> };
  } finally {
    write.mockRestore();
    error.mockRestore();
  }
}

test('stops at the budget and continues with a larger one, without repeating a request', async () => {
  const asked: string[] = [];
  const baseUrl = await serveModel(({ messages, seed }, response) => {
    const text = messages?.at(-1)!.content ?? '';
    const [a, b] = text.match(/\d+/g) ?? [];
    // The engine first probes the features of the server with other prompts.
    if (b !== undefined) asked.push(`${text} ${seed}`);
    const answer = text.startsWith('Put')
      ? `Compute ${a} times ${b}, way ${'xyz'[asked.length % 3]}.`
      : `\\boxed{${Number(a) * Number(b)}}`;
    response.end(chatAnswer([answer], { usage: { prompt_tokens: 50, completion_tokens: 50 } }));
  });
  const rows = Array.from({ length: 12 }, (_, i) => ({
    id: `p${i}`,
    prompt: `What is ${i + 2}·7?`,
    answer: `${7 * (i + 2)}`,
  }));
  writeFileSync(path('in.jsonl'), rows.map((row) => JSON.stringify(row)).join('\n'));
  const words = [path('in.jsonl'), '--out', path('out.jsonl'), '--model', 'fake', '--engine', 'openai'];
  const settings = [
    '--wordings',
    '1',
    '--attempts',
    '1',
    '--solve',
    '1',
    '--set',
    `baseUrl=${baseUrl}`,
    '--set',
    'api=chat',
    '--set',
    'maxConcurrency=4',
  ];
  const short = await reword(...words, ...settings, '--set', 'budget.maxTokens=1500');
  expect(short).toMatchObject({ code: 4, result: { error: { code: 'BUDGET_SPENT' } } });
  expect(existsSync(path('out.jsonl'))).toBe(false);
  // 24 answers, and one probe of the server by each command.
  const done = await reword(...words, ...settings, '--set', 'budget.maxTokens=15000');
  expect(done).toMatchObject({
    code: 0,
    result: { problems: 12, reworded: 12, wordings: 12, spending: { requests: 26 } },
  });
  expect(new Set(asked).size).toBe(asked.length);
  expect(asked).toHaveLength(24);
  const written = readFileSync(path('out.jsonl'), 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as object);
  expect(written[3]).toMatchObject({
    prompt: 'What is 5·7?',
    wordings: [expect.stringMatching(/^Compute 5 times 7/)],
    answer: '35',
  });
  expect(existsSync(path('out.jsonl.answers'))).toBe(false);
});
