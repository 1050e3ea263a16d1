import { expect, test } from 'vitest';
import { scriptedEngine } from '../../testing/scripted-engine.ts';
import { singleTurn } from '../../testing/single-turn.ts';
import { scoreTokens } from './score-tokens.ts';

test('scores a sequence that is as long as the longest context windows', async () => {
  const engine = scriptedEngine({ complete: () => '' });
  const promptTokens = new Int32Array(131_000).fill(65);
  const transcript = singleTurn({ promptTokens, tokens: Int32Array.of(66, 67), text: 'BC' });
  const completion = { type: 'completion', key: '0', index: 0, transcript } as const;
  const [scores] = await scoreTokens(engine, [completion], { alternatives: 0, isEchoed: true });
  expect(scores).toHaveLength(131_002);
  expect(scores!.slice(-2).map(({ token }) => token)).toEqual([66, 67]);
});
