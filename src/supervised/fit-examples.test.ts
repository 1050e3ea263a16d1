import { expect, test } from 'vitest';
import type { LearningEngine } from '../engines/engine.ts';
import { fitExamples } from './fit-examples.ts';

/** Encodes one token per character; letters are unknown. */
const encode = (text: string): Int32Array => Int32Array.from(text, (one) => (/[a-z]/.test(one) ? 9 : 1));
const engineOf = (maxSequenceTokens: number) =>
  ({
    sampler: { info: { maxSequenceTokens } },
    renderer: {
      unknownToken: { id: 9, text: '<unk>' },
      render: ([first]: readonly { readonly content: string }[]) => encode(first!.content),
      encode,
    },
  }) as unknown as LearningEngine;
const example = (prompt: string, completion: string) => ({
  prompt: [{ role: 'user' as const, content: prompt }],
  completion,
});

test('omits and counts examples longer than the window', () => {
  const [short, long] = [example('1+1', '2'), example('1+1', '222')];
  expect(fitExamples(engineOf(5), [short, long])).toEqual({
    fitting: [short],
    warnings: ["left out 1 of 2 examples: longer than the model's window of 5 tokens"],
  });
  expect(() => fitExamples(engineOf(3), [short, long])).toThrow(
    "expected examples of at most 3 tokens, the model's window; all 2 are longer, the first has 5",
  );
});

test('counts unknown tokens of prompts and completions', () => {
  const { fitting, warnings } = fitExamples(engineOf(99), [example('ab+1', '2'), example('1+1', 'two2')]);
  expect(fitting).toHaveLength(2);
  expect(warnings).toEqual([
    '29 % of prompt tokens are <unk>, in 1 of 2 examples: the tokenizer cannot encode this text',
    '60 % of completion tokens are <unk>, in 1 of 2 examples: the tokenizer cannot encode this text',
  ]);
});
