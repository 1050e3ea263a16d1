import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { afterAll, expect, test } from 'vitest';
import { mathProblem, scriptedEngine } from '../testing/index.ts';
import { mathAnswer, mathConfig, openMathAnswer } from '../verifiers/math/verifier.ts';
import { openAnswerJournal } from './answer-journal.ts';
import { rationaleIn, teacherPrompt, teacherTemplates } from './rationale-text.ts';
import { type RationaleSettings, writeRationales } from './rationales.ts';

const folder = mkdtempSync(join(tmpdir(), 'gradus-rationales-'));
const verifier = openMathAnswer(mathConfig.parse(mathAnswer()));
afterAll(async () => {
  rmSync(folder, { recursive: true });
  await verifier[Symbol.asyncDispose]();
});

const problems = Array.from({ length: 50 }, (_, i) =>
  mathProblem({
    id: `p${i}`,
    prompt: [{ role: 'user', content: `What is ${i + 20} plus ${i}?` }],
    answer: `${2 * i + 20}`,
  }),
);
const settings: RationaleSettings = {
  rationales: 4,
  attempts: 4,
  given: 'nothing',
  template: teacherTemplates.nothing,
  solve: 0,
  maxTokens: 200,
  temperature: 1,
  seed: 0,
};

/**
 * An engine that explains every sum, wrongly at odd indices. With a rationale in the prompt, it repeats the rationale's
 * answer.
 */
const careless = (seen: string[] = []) =>
  scriptedEngine({
    complete: (key, index, _version, _turn, { given }) => {
      seen.push(`${key} ${index}`);
      const text = given.messages.at(-1)!.content;
      const said = /Explanation: \d+ and \d+ make (\d+)/.exec(text);
      if (said !== null) return `\\boxed{${said[1]}}`;
      const [a, b] = text.match(/\d+/g)!.map(Number) as [number, number];
      const sum = a + b + (index % 2);
      return `<think>hm</think>${a} and ${b} make ${sum}, way ${index}.\nThe answer is \\boxed{${sum}}.`;
    },
  });
const parts = (path: string, engine = careless()) => ({
  engine,
  verifierFor: () => verifier,
  journal: openAnswerJournal(join(folder, path), settings),
});

test('keeps no wrong rationale from a teacher that is wrong in half of 200 attempts', async () => {
  const explained = await writeRationales(parts('half'), problems, settings);
  for (const [i, { rationales, rejected }] of explained.entries()) {
    const text = (index: number): string => `${i + 20} and ${i} make ${2 * i + 20}, way ${index}.`;
    expect(rationales).toEqual(
      [0, 2].map((attempt) => ({
        attempt,
        completion: `${text(attempt)}\nThe answer is \\boxed{${2 * i + 20}}.`,
        rationale: text(attempt),
      })),
    );
    expect(rejected).toMatchObject({ incorrect: 2, unsolved: 0 });
  }
});

test('after an interruption, requests only the missing answers and returns the same rationales', async () => {
  const whole: string[] = [];
  const before = await writeRationales(parts('whole', careless(whole)), problems, { ...settings, solve: 1 });
  const lines = readFileSync(join(folder, 'whole'), 'utf8').split('\n');
  const kept = lines.slice(0, 77);
  writeFileSync(join(folder, 'cut'), `${kept.join('\n')}\n`);
  appendFileSync(join(folder, 'cut'), lines[77]!.slice(0, 9));
  const rest: string[] = [];
  const after = await writeRationales(parts('cut', careless(rest)), problems, { ...settings, solve: 1 });
  expect(after).toEqual(before);
  expect(rest).toHaveLength(whole.length - 76);
  const again: string[] = [];
  await writeRationales(parts('cut', careless(again)), problems, { ...settings, solve: 1 });
  expect(again).toEqual([]);
});

test("rejects a rationale if a reader does not reach the teacher's answer from it", async () => {
  const engine = scriptedEngine({
    complete: (_key, _index, _version, _turn, { given }) => {
      const text = given.messages.at(-1)!.content;
      return text.includes('Explanation: ') ? '\\boxed{21}' : '20 and 0 make 21.\n\\boxed{20}';
    },
  });
  const [explained] = await writeRationales(parts('leap', engine), problems.slice(0, 1), {
    ...settings,
    attempts: 1,
    solve: 2,
  });
  expect(explained).toMatchObject({ rationales: [], rejected: { unsolved: 1 } });
});

test('rejects answers that are truncated, empty, repeated or ungradable', async () => {
  const texts = [
    'a\n\\boxed{20}',
    'a\n\\boxed{20}',
    '\\boxed{20}',
    'no answer',
    `${'x'.repeat(300)}\\boxed{20}`,
  ];
  const engine = scriptedEngine({ complete: (_key, index) => texts[index]! });
  const five = { ...settings, attempts: 5 };
  const [explained] = await writeRationales(parts('reasons', engine), problems.slice(0, 1), five);
  expect(explained!.rejected).toMatchObject({ 'same text': 1, empty: 1, incorrect: 1, unfinished: 1 });
  const broken = {
    ...parts('broken', engine),
    verifierFor: () => ({ ...verifier, verify: () => Promise.reject(new Error('no python')) }),
  };
  const [unjudged] = await writeRationales(broken, problems.slice(0, 1), five);
  expect(unjudged).toMatchObject({ rationales: [], rejected: { ungradable: 4 }, ungradable: 'no python' });
});

test.for([
  ['Iron rusts.\nAnswer: (B)', 'Iron rusts.'],
  ['Iron rusts. So the answer is (B).', 'Iron rusts.'],
  ['Iron rusts. Therefore, the correct answer is iron.', 'Iron rusts.'],
  ['3 + 4 = 7\n\n$\\boxed{7}$', '3 + 4 = 7'],
  ['bim colour 48<answer> 48</answer>', 'bim colour 48'],
  ['The answers differ by 3.5 m.', 'The answers differ by 3.5 m.'],
])('extracts from %j the rationale %j', ([completion, rationale]) => {
  expect(rationaleIn(completion!)).toBe(rationale);
});

test('a rationale contains only sentences of the completion, and extracting it again changes nothing', () => {
  fc.assert(
    fc.property(
      fc.array(fc.constantFrom('Iron rusts.', 'The answer is B.', '<answer>B</answer>', '\n', ' ', 'x = 1.')),
      (pieces) => {
        const rationale = rationaleIn(pieces.join(' '));
        expect(rationale).not.toMatch(/answer/);
        expect(rationaleIn(rationale)).toBe(rationale);
      },
    ),
  );
});

test('leaves {answer} in a question unchanged in the teacher prompt', () => {
  const problem = mathProblem({
    prompt: [{ role: 'user', content: 'What is {answer} + $&?' }],
    answer: '$1',
  });
  expect(teacherPrompt(problem, '{question} It is {answer}.')[0]!.content).toBe(
    'What is {answer} + $&? It is $1.',
  );
});
