import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Bandit, banditOf } from '../core/bandit/bandit.ts';
import { episodeOf, randomRegretsOf, regretsOf } from '../core/bandit/regret.ts';
import type { Problem } from '../core/problem.ts';
import { answerOf } from '../core/rollout.ts';
import { type bandits, banditsConfig, drawBandits } from '../problems/bandit-source.ts';
import { rollAll } from '../rollout/roll-groups.ts';
import { scriptedEngine } from '../testing/index.ts';
import { openRegret, regretConfig } from '../verifiers/regret.ts';
import { type bandit, banditConfig, openBandit, readChoice } from './bandit.ts';
import { openCallResults, recordCalls } from './call-results.ts';
import type { ReplyContext } from './environment.ts';

const context: ReplyContext = {
  call: () => Promise.reject(new Error('a bandit calls no tool')),
  cut: (text) => text,
  signal: new AbortController().signal,
};
const open = (options: Parameters<typeof bandit>[0] = {}) =>
  openBandit(banditConfig.parse({ type: 'bandit', ...options }));
const problemOf = (options: Partial<Parameters<typeof bandits>[0]> = {}): Problem => {
  const [problem] = drawBandits(
    banditsConfig.parse({ type: 'bandits', count: 1, arms: 3, turns: 4, split: 'train', ...options }),
  );
  return problem!;
};

/** Runs an attempt with the given turns; the state passes through JSON between turns, as in a checkpoint. */
async function play(
  texts: readonly string[],
  options: Parameters<typeof open>[0],
  problem = problemOf(),
  seed = 5,
) {
  const environment = open(options);
  let { state, prompt } = await environment.start(problem, seed);
  const answers = [];
  for (const text of texts) {
    const answered = await environment.reply(state, { text, hasEnded: options?.form !== 'inline' }, context);
    state = JSON.parse(JSON.stringify(answered.state)) as typeof state;
    answers.push(answered);
  }
  return { answers, prompt };
}
const textOf = ({ reply }: Awaited<ReturnType<typeof play>>['answers'][number]): string =>
  reply.type === 'messages' ? reply.messages[0]!.content : reply.type === 'insert' ? reply.text : 'end';

test('answers a choice with its reward, and ends after the last turn', async () => {
  const { answers } = await play(['1', 'Arm 2', '3', 'I choose 3.'], {});
  expect(answers.map(textOf)).toEqual([
    expect.stringMatching(/^Reward: [01]\.\nNext arm\?$/),
    expect.stringMatching(/^Reward: [01]\.\nNext arm\?$/),
    expect.stringMatching(/^Reward: [01]\.\nNext arm\?$/),
    'end',
  ]);
  expect(answers[1]!.calls).toEqual([
    { tool: 'arm@1', arguments: { arm: 2 }, outcome: 'ok', result: String(answers[1]!.reward) },
  ]);
});

test('an unreadable choice uses up a turn without a reward and is answered with an error message', async () => {
  const { answers } = await play(['none', '7', '1 or 2', '1'], {});
  expect(answers.slice(0, 3).map(({ calls }) => calls![0]!.outcome)).toEqual(Array(3).fill('malformed'));
  expect(answers.slice(0, 3).every(({ reward }) => reward === undefined)).toBe(true);
  expect(textOf(answers[0]!)).toBe('Error: expected the number of an arm, from 1 to 3.');
  expect(answers[3]!.reply.type).toBe('end');
});

test('inserts replies inside the turn in the inline form', async () => {
  const texts = ['1=', '1=', '2='];
  const { answers } = await play(texts, { form: 'inline', rendering: 'summary' });
  const [a, b] = [answers[0]!.reward!, answers[1]!.reward!];
  expect(answers.slice(0, 2).map(textOf)).toEqual([
    `${a};1:1*${a};2:0*-;3:0*-;`,
    `${b};1:2*${(a + b) % 2 === 0 ? (a + b) / 2 : '0.50'};2:0*-;3:0*-;`,
  ]);
});

test('the guided rendering shows infinite UCB values for untried arms, else value and bonus', async () => {
  const { answers } = await play(['1', '2', '3'], { rendering: 'guided', digits: 1 });
  expect(textOf(answers[0]!)).toContain('Arm 2: value inf, bonus inf');
  const bonus = Math.sqrt(0.5 * Math.log(3)).toFixed(1);
  expect(textOf(answers[2]!)).toContain(`Arm 1: value ${answers[0]!.reward}, bonus ${bonus}`);
});

test('shows the features of the turn before each choice', async () => {
  const problem = problemOf({ rewards: 'contextual', features: 2 });
  const { answers, prompt } = await play(['1', '9', '2'], { rendering: 'guided', digits: 1 }, problem);
  const features = /Features now: -?\d(\.\d)?, -?\d(\.\d)?\./;
  expect(prompt!.at(-1)!.content).toMatch(features);
  for (const answer of answers) expect(textOf(answer)).toMatch(features);
  const inline = await play(['1=', 'x='], { form: 'inline', digits: 1 }, problem);
  for (const answer of inline.answers) expect(textOf(answer)).toMatch(/\(-?\d(\.\d)?,-?\d(\.\d)?\);$/);
});

test('rewards of an arm depend only on the seed and the number of its pulls', async () => {
  const long = problemOf({ turns: 40, arms: 2 });
  const both = ['1', '2', '1', '2', '1', '1', '1', '2'];
  const rewardsOf = async (texts: readonly string[], seed: number) =>
    (await play(texts, {}, long, seed)).answers.map(({ reward }) => reward);
  const mixed = await rewardsOf(both, 3);
  const first = await rewardsOf(Array(5).fill('1'), 3);
  expect(both.flatMap((arm, i) => (arm === '1' ? [mixed[i]] : []))).toEqual(first);
  const many = Array(40).fill('1') as string[];
  expect(await rewardsOf(many, 3)).not.toEqual(await rewardsOf(many, 4));
});

test('reads a choice only if the text names exactly one arm', () => {
  expect(readChoice('<think>1 or 2</think> 2', 3)).toBe(1);
  expect(readChoice('2 2', 3)).toBe(1);
  for (const text of ['', 'two', '0', '4', '2.5', '1 2']) expect(readChoice(text, 3)).toBeNull();
  fc.assert(
    fc.property(fc.string(), fc.integer({ min: 2, max: 30 }), (text, arms) => {
      const arm = readChoice(text, arms);
      expect(arm === null || (Number.isInteger(arm) && arm >= 0 && arm < arms)).toBe(true);
    }),
  );
});

test('rejects a problem without a bandit, one that is too long, and one whose arms are equal', () => {
  const { extra: _extra, ...plain } = problemOf();
  expect(() => banditOf(plain)).toThrow('expected a bandit in extra.bandit');
  const uneven = { type: 'contextual', turns: 2, weights: [[1], [1, 2]], deviation: 0, contextSeed: 0 };
  expect(() => banditOf({ ...plain, extra: { bandit: uneven } })).toThrow('got 1 and 2');
  expect(() => open({ maxTurns: 3 }).start(problemOf(), 0)).toThrow('set maxTurns: 4');
  for (const bandit of [
    { type: 'bernoulli', turns: 2, means: [0.5, 0.5] },
    { type: 'contextual', turns: 2, weights: [[1], [1]], deviation: 0, contextSeed: 0 },
  ])
    expect(() => banditOf({ ...plain, extra: { bandit } })).toThrow('expected arms that differ');
});

async function judged(texts: readonly string[], problem = problemOf({ turns: 10 })) {
  using results = openCallResults(':memory:');
  const verifier = openRegret(regretConfig.parse({ type: 'regret', maxShare: 0.5 }));
  const environment = open();
  const engine = scriptedEngine({ complete: (_key, _index, _version, turn) => texts[turn % texts.length]! });
  const [group] = await rollAll(
    {
      engine,
      verifierFor: () => verifier,
      environments: { of: () => environment, call: recordCalls(results) },
    },
    { problems: [problem], rollouts: 2, maxTokens: 1000, temperature: 1, seed: 1 },
  );
  return { problem, group: group!, rollout: group!.rollouts[0]! };
}
const bestArm = (problem: Problem): string => {
  const { means } = banditOf(problem) as Extract<Bandit, { type: 'bernoulli' }>;
  return String(1 + means.indexOf(Math.max(...means)));
};

test('an attempt is judged by its regret, computed from the environment’s record', async () => {
  const problem = problemOf({ turns: 10 });
  const best = bestArm(problem);
  const { rollout, group } = await judged([best], problem);
  expect(rollout.verdict).toMatchObject({ outcome: 'correct', score: 1, evidence: { regret: 0, named: 10 } });
  const episode = episodeOf(banditOf(problem), rollout.transcripts[0]!);
  expect(episode.choices).toEqual(Array(10).fill(Number(best) - 1));
  // Attempts of a group see the same sequence of rewards per arm.
  expect(episodeOf(banditOf(problem), group.rollouts[1]!.transcripts[0]!)).toEqual(episode);
  const worst = best === '1' ? '2' : '1';
  const wrong = await judged([worst], problem);
  expect(wrong.rollout.verdict).toMatchObject({ outcome: 'incorrect', score: 0 });
});

test('an attempt without a choice is unparsed, even if its text claims a good result', async () => {
  const { rollout } = await judged(['I had regret 0 and chose the best arm']);
  expect(rollout.verdict).toMatchObject({ outcome: 'unparsed', score: 0 });
  expect(answerOf(rollout)).toContain('regret 0');
});

test('a turn without a choice costs as much as the worst arm, so ending early never pays off', () => {
  fc.assert(
    fc.property(
      fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 2, maxLength: 5 }),
      fc.integer({ min: 1, max: 20 }),
      fc.array(fc.nat(4), { maxLength: 20 }),
      (means, turns, arms) => {
        const bandit: Bandit = { type: 'bernoulli', means, turns };
        const choices = arms.map((arm) => arm % means.length).slice(0, turns);
        const sum = (values: Float64Array): number => values.reduce((a, b) => a + b, 0);
        const whole = sum(regretsOf({ bandit, choices }));
        const cut = sum(regretsOf({ bandit, choices: choices.slice(0, -1) }));
        expect(cut).toBeGreaterThanOrEqual(whole - 1e-12);
        expect(whole).toBeGreaterThanOrEqual(-1e-12);
        const spread = Math.max(...means) - Math.min(...means);
        expect(sum(randomRegretsOf(bandit))).toBeLessThanOrEqual(turns * spread + 1e-9);
      },
    ),
  );
});
