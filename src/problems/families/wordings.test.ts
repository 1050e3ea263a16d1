import { expect, test } from 'vitest';
import { createRng } from '../../core/rng.ts';
import { families } from './catalogue.ts';
import { wordingsOf } from './wordings.ts';

test('the six wordings of a question are distinct and contain it unchanged', () => {
  for (const family of families) {
    const { question } = family.generate(createRng(3, family.name), family.knobs);
    const wordings = [...wordingsOf(question, 'train'), ...wordingsOf(question, 'held-out')];
    expect(new Set([question, ...wordings]).size).toBe(7);
    for (const wording of wordings) expect(wording).toContain(question);
  }
});

test('a question that contains replacement patterns such as $& stays unchanged', () => {
  expect(wordingsOf("$& and $'", 'train')[0]).toBe("n: $& and $'");
});
