import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { afterAll, expect, test } from 'vitest';
import { scriptedEngine } from '../testing/index.ts';
import { openShortAnswer, shortAnswerConfig, shortAnswer } from '../verifiers/answers/short-answer.ts';
import { suiteConfig } from '../recipe/suite.ts';
import { addContext } from './context-file.ts';
import { defaultContext, deranged, requireContextTemplate, statesGold, withPassages } from './context.ts';
import { formatKnowledge } from './format-knowledge.ts';
import { type KnowledgeParts, measureKnowledge } from './measure-knowledge.ts';

const folder = mkdtempSync(join(tmpdir(), 'gradus-context-'));
afterAll(() => rmSync(folder, { recursive: true }));
const path = (name: string): string => join(folder, name);

/** Finds the passages whose text contains a word of the query, in order. */
const passages = [
  { id: 'a', title: 'Iron', text: 'Iron rusts in 9 days.' },
  { id: 'b', text: 'Gold does not rust.' },
];
const retriever = {
  version: 'test',
  search: (query: string, top: number) =>
    Promise.resolve(
      passages
        .filter(({ text }) => query.split(' ').some((word) => text.includes(word)))
        .slice(0, top)
        .map((one, i) => ({ ...one, score: 9 - i })),
    ),
  [Symbol.asyncDispose]: () => Promise.resolve(),
};

test('puts passages into string and message prompts, with a column as the query, and keeps all other columns', async () => {
  const rows = [
    { prompt: 'What {passages} rusts?', rationale: 'Iron', answer: '9', id: 1 },
    {
      prompt: [
        { role: 'system', content: 'Be short.' },
        { role: 'user', content: 'Which?' },
      ],
      rationale: 'Gold',
      answer: 'silver',
    },
    { prompt: 'Nothing', rationale: 'zzz' },
  ];
  writeFileSync(path('in.jsonl'), rows.map((row) => JSON.stringify(row)).join('\n'));
  const options = {
    file: path('in.jsonl'),
    retriever,
    query: 'rationale',
    top: 2,
    format: defaultContext,
    out: path('out.jsonl'),
  };
  expect(await addContext(options)).toEqual({
    rows: 3,
    empty: 1,
    goldStated: 0.5,
    version: 'test',
    out: path('out.jsonl'),
  });
  const written = readFileSync(path('out.jsonl'), 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as unknown);
  expect(written).toEqual([
    {
      ...rows[0],
      prompt: 'What {passages} rusts?\n\nKnowledge:\n(1)Iron Iron rusts in 9 days.\n',
      passages: ['a'],
    },
    {
      ...rows[1],
      prompt: [
        rows[1]!.prompt[0],
        { role: 'user', content: 'Which?\n\nKnowledge:\n(1)Gold does not rust.\n' },
      ],
      passages: ['b'],
    },
    { ...rows[2], prompt: 'Nothing\n\nKnowledge:\nNo passage found.\n', passages: [] },
  ]);
});

test('rejects a row without a prompt or query, naming file, row and column', async () => {
  const run = (row: object) => {
    writeFileSync(path('bad.jsonl'), JSON.stringify(row));
    return addContext({
      file: path('bad.jsonl'),
      retriever,
      query: 'rationale',
      top: 1,
      format: defaultContext,
      out: path('o.jsonl'),
    });
  };
  await expect(run({ rationale: 'x' })).rejects.toThrow('bad.jsonl:1: column "prompt"');
  await expect(run({ prompt: 'x' })).rejects.toThrow('bad.jsonl:1: column "rationale"');
  expect(() => requireContextTemplate('{question}')).toThrow('{passages}');
});

test('placeholders inside a passage are not replaced', () => {
  const text = 'see {question} $& {passages}';
  const [message] = withPassages([{ role: 'user', content: 'q' }], [{ id: '1', text }], {
    template: '{passages}|{question}',
    layout: 'plain',
  });
  expect(message!.content).toBe(`${text}\n|q`);
});

test('finds a gold answer as consecutive words, not inside another word', () => {
  const states = (gold: string) => statesGold(passages, gold);
  expect(['9', 'rusts in 9', 'IRON', 'not, rust'].map(states)).toEqual([true, true, true, true]);
  expect(['days in', 'ust', '', '?!'].map(states)).toEqual([false, false, false, false]);
});

test('moves every item to a different position and loses none', () => {
  fc.assert(
    fc.property(fc.integer({ min: 2, max: 40 }), fc.integer({ min: 0, max: 1e6 }), (count, seed) => {
      const items = Array.from({ length: count }, (_, i) => i);
      const moved = deranged(items, seed);
      expect(moved.toSorted((a, b) => a - b)).toEqual(items);
      expect(items.filter((item) => moved[item] === item)).toEqual([]);
    }),
  );
});

/** Answers with what the first passage in its prompt says. */
const reader = scriptedEngine({
  complete: (_key, _index, _version, _turn, { given }) =>
    `<answer>${/states (\d+)/.exec(given.messages.at(-1)!.content)?.[1] ?? 'none'}</answer>`,
});

test('measures each source of passages, and its gain over the retriever, paired by problem', async () => {
  const things = Array.from({ length: 40 }, (_, i) => `thing${i}`);
  const facts = things.flatMap((thing, i) => [
    { id: `${thing}-wrong`, text: `${thing} hue states ${100 + i}` },
    { id: `${thing}-right`, text: `${thing} size states ${500 + i}` },
  ]);
  const byWord = {
    ...retriever,
    search: (query: string, top: number) =>
      Promise.resolve(
        facts
          .filter(({ text }) => query.split(' ').every((word) => ` ${text} `.includes(` ${word} `)))
          .slice(0, top)
          .map((one) => ({ ...one, score: 1 })),
      ),
  };
  await using verifier = openShortAnswer(shortAnswerConfig.parse(shortAnswer()));
  const suite = suiteConfig.parse({ name: 'k', rollouts: 1, maxTokens: 40, greedy: false });
  // The reranker knows that every second question asks for the size.
  const score = (question: string, some: readonly { text: string }[]): Promise<number[]> =>
    Promise.resolve(some.map(({ text }) => Number(text.includes('size') === /[02468]$/.test(question))));
  const parts: KnowledgeParts = {
    retriever: byWord,
    reranker: { version: 'r', score },
    candidates: 10,
    top: 1,
    format: defaultContext,
    seed: 0,
    student: { engine: reader, verifierFor: () => verifier, suite },
  };
  const items = things.map((thing, i) => ({
    problem: {
      id: thing,
      domain: 'short-answer',
      prompt: [{ role: 'user' as const, content: thing }],
      answer: `${500 + i}`,
      source: 'test',
    },
    rationale: `${thing} size states ${500 + i}`,
  }));
  const report = await measureKnowledge(parts, items);
  const figures = report.conditions.map(({ condition, accuracy, goldStated, gain }) => [
    condition,
    accuracy!.mean,
    goldStated,
    gain?.mean,
  ]);
  expect(figures).toEqual([
    ['none', 0, 0, 0],
    ['retriever', 0, 0, undefined],
    ['reranker', 0.5, 0.5, 0.5],
    ['oracle', 1, 1, 1],
    ['shuffled', 0, 0, 0],
  ]);
  expect(report.hits).toMatchObject({
    retriever: { at1: { mean: 0 }, at10: { mean: 1 } },
    reranker: { at1: { mean: 0.5 }, at10: { mean: 1 } },
  });
  expect(report.conditions[2]!.gain!.low).toBeGreaterThan(0.3);
  expect(formatKnowledge(report)).toMatch(/reranker +50\.0 +50\.0 \[.*\] +\+50\.0 \[/);
  const { student: _, reranker: __, ...retrieval } = parts;
  const alone = await measureKnowledge(
    retrieval,
    items.map(({ problem }) => ({ problem })),
  );
  expect(alone.hits).toBeUndefined();
  expect(alone.conditions.map(({ condition }) => condition)).toEqual(['none', 'retriever', 'shuffled']);
});
