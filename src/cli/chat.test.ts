import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import { expect, test } from 'vitest';
import { scriptedEngine, type ScriptedEngineOptions } from '../testing/scripted-engine.ts';
import type { Message } from '../core/problem.ts';
import { chat } from './chat.ts';

/** Types lines into a chat; returns its output and the prompts that reached the model. */
async function talk(lines: readonly string[], options: ScriptedEngineOptions) {
  const engine = scriptedEngine(options);
  const [input, output] = [new PassThrough(), new PassThrough()];
  const shown = text(output);
  input.end(`${lines.join('\n')}\n`);
  await chat(engine, { temperature: 1, maxTokens: 100, seed: 0 }, { input, output });
  output.end();
  const prompts = engine.requests.map(({ prompts: [first] }) =>
    (first!.prompt as readonly Message[]).map(({ content }) => content).join('\n'),
  );
  return { shown: await shown, prompts };
}

test('prints each answer in full and keeps it in the context until /new', async () => {
  let answers = 0;
  const { shown, prompts } = await talk(['one', '', 'two', '/new', 'three'], {
    complete: () => `answer ${++answers}`,
  });
  expect(shown.split('\n').slice(1)).toEqual(['> answer 1', 'answer 2', 'answer 3', '', '']);
  expect(prompts).toHaveLength(3);
  expect(prompts[1]).toMatch(/one[^]*answer 1[^]*two/);
  expect(prompts[2]).toContain('three');
  expect(prompts[2]).not.toContain('two');
});

test('prints escape sequences from the model as visible characters', async () => {
  const { shown } = await talk(['hi'], { complete: () => '\u001b[2J\u0007ok\nnext' });
  expect(shown).toContain('␛[2J␇ok\nnext\n');
  expect(shown).not.toContain('\u001b');
});

test('drops the oldest exchanges of a conversation longer than the window, and keeps the newest question', async () => {
  const lines = Array.from({ length: 8 }, (_, i) => `question ${i} ${'.'.repeat(20)}`);
  const engine = { complete: () => 'yes', maxSequenceTokens: 160 };
  const { shown, prompts } = await talk(lines, engine);
  expect(shown).toContain('(dropped the oldest exchanges)');
  expect(prompts).toHaveLength(8);
  expect(prompts.at(-1)).toContain('question 7');
  expect(prompts.at(-1)).not.toContain('question 0');
});
