import { expect, test } from 'vitest';
import { banditOf } from '../../core/bandit/bandit.ts';
import type { Problem } from '../../core/problem.ts';
import { bandit, banditConfig, openBandit } from '../bandit.ts';
import { type OracleExample, oracleExamples } from './oracle-examples.ts';
import { playOracle } from './play-oracle.ts';

const problem: Problem = {
  id: 'b',
  domain: 'bandit',
  source: 'test',
  prompt: [{ role: 'user', content: 'Choose.' }],
  extra: { bandit: { type: 'bernoulli', means: [0.3, 0.7, 0.5], turns: 12 } },
};

async function play(settings: Parameters<typeof bandit>[0]): Promise<OracleExample[]> {
  await using environment = openBandit(banditConfig.parse(bandit(settings)));
  const examples: OracleExample[] = [];
  for await (const example of oracleExamples(problem, environment, 'ucb', 3)) examples.push(example);
  return examples;
}

test('yields one example per turn: the prompt that the policy would read, and the oracle’s choice', async () => {
  const examples = await play({ rendering: 'summary' });
  const { choices, rewards } = playOracle('ucb', banditOf(problem), 3);
  expect(examples.map(({ completion }) => Number(completion) - 1)).toEqual(choices);
  expect(examples[0]!.prompt).toEqual(problem.prompt);
  for (const [turn, { prompt }] of examples.entries()) {
    expect(prompt).toHaveLength(1 + 2 * turn);
    const read = turn === 0 ? 'Choose.' : `Reward: ${rewards[turn - 1]}.`;
    expect(prompt.at(-1)!.content).toContain(read);
  }
  expect(examples.at(-1)!.prompt.at(-1)!.content).toMatch(/Arm 2: \d+ times, mean/);
});

test('rejects a form whose turns are not messages', async () => {
  await expect(play({ form: 'inline' })).rejects.toThrow("expected bandit({ form: 'chat' })");
});
