import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test, vi } from 'vitest';
import { chatAnswer, serveModel } from '../../../test/model-server/fake-model-server.ts';
import { readExamples } from '../../supervised/examples.ts';
import { main } from '../main.ts';

const folder = mkdtempSync(join(tmpdir(), 'gradus-rationales-cli-'));
afterAll(() => rmSync(folder, { recursive: true }));
const path = (name: string): string => join(folder, name);

/** Runs `gradus --json data rationales …`; returns the exit code and the last line. */
async function rationales(...words: string[]): Promise<{ code: number; result: Record<string, unknown> }> {
  const lines: string[] = [];
  const write = vi.spyOn(process.stdout, 'write').mockImplementation((text) => lines.push(String(text)) > 0);
  const error = vi.spyOn(console, 'error').mockImplementation((text) => void lines.push(String(text)));
  try {
    const code = await main(['node', 'gradus', '--json', 'data', 'rationales', ...words]);
    return { code, result: JSON.parse(lines.at(-1)!) as Record<string, unknown> };
  } finally {
    write.mockRestore();
    error.mockRestore();
  }
}

test('stops at the budget, continues, and writes examples to imitate, with a teacher on a model server', async () => {
  const asked: string[] = [];
  const baseUrl = await serveModel(({ messages, seed }, response) => {
    const text = messages?.at(-1)!.content ?? '';
    const [a, b] = text.match(/\d+/g) ?? [];
    // The engine first probes the features of the server with other prompts.
    if (b !== undefined) asked.push(`${text} ${seed}`);
    const sum = Number(a) * Number(b);
    const answer = `${a} times ${b} is ${sum}, found in ${asked.length} ways.\n\\boxed{${sum + (Number(a) % 2)}}`;
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
    '--attempts',
    '2',
    '--rationales',
    '2',
    '--set',
    `baseUrl=${baseUrl}`,
    '--set',
    'api=chat',
    '--set',
    'maxConcurrency=4',
  ];
  const short = await rationales(...words, ...settings, '--set', 'budget.maxTokens=1500');
  expect(short).toMatchObject({ code: 4, result: { error: { code: 'BUDGET_SPENT' } } });
  expect(existsSync(path('out.jsonl'))).toBe(false);
  const done = await rationales(...words, ...settings, '--set', 'budget.maxTokens=15000');
  // 24 answers, and one probe of the server by each command; odd problems receive wrong answers.
  expect(done).toMatchObject({
    code: 0,
    result: {
      problems: 12,
      explained: 6,
      rationales: 12,
      rejected: { incorrect: 12 },
      spending: { requests: 26 },
    },
  });
  expect(new Set(asked).size).toBe(24);
  expect(asked).toHaveLength(24);
  const [row] = readFileSync(path('out.jsonl'), 'utf8')
    .split('\n')
    .map((line) => JSON.parse(line || '{}') as Record<string, unknown>);
  expect(row).toMatchObject({
    id: 'p0#rationale-1',
    problemId: 'p0',
    prompt: 'What is 2·7?',
    answer: '14',
    rationale: expect.stringMatching(/^2 times 7 is 14, found in \d+ ways\.$/),
    teacher: 'fake',
    given: 'answer',
  });
  const examples = await readExamples(path('out.jsonl'));
  expect(examples).toHaveLength(12);
  expect(examples[0]!.prompt).toEqual([{ role: 'user', content: 'What is 2·7?' }]);
});

test('rejects problems without an answer', async () => {
  const row = {
    prompt: 'f?',
    tests: {
      type: 'function',
      language: 'javascript',
      entryPoint: 'f',
      cases: [{ arguments: [], expected: 1 }],
    },
  };
  writeFileSync(path('code.jsonl'), JSON.stringify(row));
  const { code, result } = await rationales(
    path('code.jsonl'),
    '--out',
    path('c.jsonl'),
    '--model',
    'models/gradus-tiny',
  );
  expect(code).not.toBe(0);
  expect(result).toMatchObject({
    error: { message: expect.stringContaining('expected problems with an answer') },
  });
});
