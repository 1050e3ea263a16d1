import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { answerOf, type Rollout, writtenTokens } from '../../core/rollout.ts';
import { extendTranscript, givenTranscript } from '../../core/transcript.ts';
import type { Outcome } from '../../core/verdict.ts';
import type { HarvestConfig } from '../../curriculum/imitate.ts';
import { chooseAttempts } from './choose-attempts.ts';

interface Sketch {
  readonly text: string;
  readonly outcome?: Outcome;
  readonly isCut?: boolean;
}

const attempt = ({ text, outcome = 'correct', isCut = false }: Sketch, index: number): Rollout => {
  const tokens = Int32Array.from(text, (letter) => letter.charCodeAt(0));
  const written = {
    tokens,
    logprobs: new Float32Array(tokens.length),
    finishReason: isCut ? ('length' as const) : ('stop' as const),
    policyVersion: 0,
  };
  const transcript = extendTranscript(givenTranscript([], new Int32Array([1])), written, () => text);
  return {
    problemId: 'p',
    index,
    transcripts: [transcript],
    verdict: { outcome, score: 0, reason: '', verifier: 'v' },
  };
};

const none: HarvestConfig['filter'] = { minWords: 0, without: [] };
const texts = (sketches: readonly Sketch[], rule: Partial<Pick<HarvestConfig, 'choose' | 'perProblem'>>) =>
  chooseAttempts(sketches.map(attempt), { choose: 'shortest', perProblem: 9, filter: none, ...rule }, 1).map(
    answerOf,
  );

test('shortest and longest order correct attempts by length; nth begins with the nth shortest', () => {
  const three = [{ text: 'three' }, { text: 'a' }, { text: 'two' }];
  expect(texts(three, { choose: 'shortest' })).toEqual(['a', 'two', 'three']);
  expect(texts(three, { choose: 'longest' })).toEqual(['three', 'two', 'a']);
  expect(texts(three, { choose: { nth: 2 } })).toEqual(['two', 'three']);
  expect(texts(three, { choose: { nth: 4 } })).toEqual([]);
  expect(texts(three, { choose: 'longest', perProblem: 1 })).toEqual(['three']);
});

test('omits wrong, truncated, empty and repeated attempts, and attempts that the filter rejects', () => {
  const some: Sketch[] = [
    { text: 'wrong', outcome: 'incorrect' },
    { text: 'cut off', isCut: true },
    { text: '' },
    { text: 'good one' },
    { text: 'good one' },
    { text: 'long but good one' },
    { text: 'wait, good' },
  ];
  expect(texts(some, {})).toEqual(['good one', 'wait, good', 'long but good one']);
  const filter = { minWords: 2, maxWords: 3, without: ['wait'] };
  const rule = { choose: 'shortest', perProblem: 9, filter } as const;
  expect(chooseAttempts(some.map(attempt), rule, 1).map(answerOf)).toEqual(['good one']);
});

test('a random choice depends only on the seed, and can choose every attempt', () => {
  const sketches = ['a', 'bb', 'ccc', 'dddd'].map((text) => ({ text }));
  const first = (seed: number): string =>
    answerOf(
      chooseAttempts(sketches.map(attempt), { choose: 'random', perProblem: 1, filter: none }, seed)[0]!,
    );
  const drawn = Array.from({ length: 60 }, (_, seed) => first(seed));
  expect(drawn).toEqual(Array.from({ length: 60 }, (_, seed) => first(seed)));
  expect(new Set(drawn).size).toBe(4);
});

test('chooses only correct attempts, each text once, at most perProblem', () => {
  const sketch = fc.record({
    text: fc.string({ maxLength: 4 }),
    outcome: fc.constantFrom<Outcome>('correct', 'incorrect', 'unparsed', 'ungradable'),
    isCut: fc.boolean(),
  });
  const choose = fc.oneof(
    fc.constantFrom('shortest' as const, 'longest' as const, 'random' as const),
    fc.record({ nth: fc.integer({ min: 1, max: 3 }) }),
  );
  fc.assert(
    fc.property(fc.array(sketch), choose, fc.integer({ min: 1, max: 4 }), (sketches, rule, perProblem) => {
      const rollouts = sketches.map(attempt);
      const chosen = chooseAttempts(rollouts, { choose: rule, perProblem, filter: none }, 7);
      expect(chosen.length).toBeLessThanOrEqual(perProblem);
      expect(new Set(chosen.map(answerOf)).size).toBe(chosen.length);
      for (const one of chosen) expect(one.verdict.outcome).toBe('correct');
      // The order in which attempts finish does not affect the choice.
      const again = chooseAttempts(
        rollouts.toReversed(),
        { choose: 'shortest', perProblem, filter: none },
        7,
      );
      const lengths = again.map(writtenTokens);
      expect(lengths).toEqual(lengths.toSorted((a, b) => a - b));
    }),
  );
});
