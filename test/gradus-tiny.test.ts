import { statSync } from 'node:fs';
import { expect, test } from 'vitest';
import { createRng } from '../src/core/rng.ts';
import { openModelFolder } from '../src/engines/model-files/model-folder.ts';
import { families } from '../src/problems/families/catalogue.ts';
import { wordingsOf } from '../src/problems/families/wordings.ts';

const folder = 'models/gradus-tiny';
const { config, tokenizer } = await openModelFolder(folder);

test('the model has the documented size', () => {
  expect(statSync(`${folder}/model.safetensors`).size).toBeLessThan(8 * 1024 * 1024);
  expect(config).toMatchObject({ architecture: 'qwen2', tieEmbeddings: true });
});

test('a prompt is the question between two tokens, and the end token ends answers', () => {
  const prompt = tokenizer.encodePrompt([{ role: 'user', content: '17+25=?' }]);
  const [question, answer] = [tokenizer.encodeText('<q>'), tokenizer.encodeText('<a>')];
  expect([...prompt]).toEqual([...question, ...tokenizer.encodeText('17+25=?'), ...answer]);
  expect([...tokenizer.encodeText('</a>')]).toEqual(tokenizer.endTokens);
});

test('every question and solution of every family is short and round-trips through the tokenizer', () => {
  const [unknown] = tokenizer.encodeText('é');
  for (const family of families) {
    for (let i = 0; i < 20 * family.knobs; i++) {
      const { question, solution } = family.generate(createRng(i, family.name), 1 + (i % family.knobs));
      const [asked, answered] = [tokenizer.encodeText(question), tokenizer.encodeText(solution)];
      expect(tokenizer.decode(asked)).toBe(question);
      expect(tokenizer.decode(answered)).toBe(solution);
      expect([...asked, ...answered]).not.toContain(unknown);
      for (const wording of [...wordingsOf(question, 'train'), ...wordingsOf(question, 'held-out')])
        expect([...tokenizer.encodeText(wording)]).not.toContain(unknown);
      expect(Math.max(asked.length, answered.length)).toBeLessThanOrEqual(32);
    }
  }
});
