import { expect, test } from 'vitest';
import { scoreGroup } from '../../algorithms/scored-group.ts';
import { algorithmConfig, createAlgorithm } from '../../algorithms/algorithm.ts';
import { overrideReward, rewardConfig } from '../../algorithms/reward.ts';
import { extendTranscript, giveToTranscript, givenTranscript, type ToolCall } from '../../core/transcript.ts';
import type { Rollout } from '../../core/rollout.ts';
import { describeMetric } from '../../runs/metrics/metric-catalogue.ts';
import { mathProblem, singleTurn } from '../../testing/index.ts';
import { turnMetrics } from './turn-metrics.ts';

const verdict = { outcome: 'correct', score: 1, reason: '', verifier: 'v@1' } as const;
const call = (outcome: ToolCall['outcome']): ToolCall => ({
  tool: 't@1',
  arguments: {},
  outcome,
  result: '',
});

/**
 * Creates a rollout with two written, three given and one written token, calls in the first turn, and one reward per
 * turn.
 */
function twoTurns(index: number, calls: readonly ToolCall[], rewards: readonly number[]): Rollout {
  const turn = (tokens: number[]) => ({
    tokens: Int32Array.from(tokens),
    logprobs: new Float32Array(tokens.length),
    policyVersion: 0,
    finishReason: 'stop' as const,
  });
  const first = extendTranscript(givenTranscript([], Int32Array.of(1)), turn([2, 3]), () => 'a');
  const given = giveToTranscript(first, Int32Array.of(4, 5, 6), [{ role: 'assistant', content: 'r' }]);
  const { written, messages, ...rest } = extendTranscript(given, turn([7]), () => 'b');
  const transcript = {
    ...rest,
    written: written.map((span, i) => ({ ...span, reward: rewards[i]! })),
    messages: messages.map((message, i) => (i === 0 ? { ...message, calls } : message)),
  };
  return { problemId: 'p', index, transcripts: [transcript], verdict };
}

test('counts turns, calls by outcome, given tokens and rewards of environments', () => {
  const metrics = turnMetrics([
    twoTurns(0, [call('ok'), call('failed')], [0.5, 1]),
    twoTurns(1, [call('malformed'), call('refused')], [0, 0.5]),
  ]);
  expect(metrics).toEqual({
    'rollout/turns': 2,
    'tool/calls': 2,
    'tool/used': 0.5,
    'tool/failed': 0.25,
    'tool/malformed': 0.25,
    'tool/refused': 0.25,
    'tool/givenTokens': 3,
    'tool/reward': 1,
  });
  for (const name of Object.keys(metrics)) expect(describeMetric(name)).toBeDefined();
});

test('returns no metrics for attempts with one turn', () => {
  expect(
    turnMetrics([{ problemId: 'p', index: 0, transcripts: [singleTurn({ text: 'a' })], verdict }]),
  ).toEqual({});
});

test('adds the rewards of an environment, multiplied by the factor in the reward, which a stage can override', () => {
  const group = { problem: mathProblem(), rollouts: [twoTurns(0, [], [0.5, 1]), twoTurns(1, [], [0, 0])] };
  const algorithm = createAlgorithm(algorithmConfig.parse({ type: 'grpo' }));
  const rewards = (reward: object) =>
    scoreGroup(group, algorithm, { reward: rewardConfig.parse(reward), maxTokens: 9 }).scored.map(
      ({ reward: r }) => r,
    );
  expect(rewards({ type: 'outcome' })).toEqual([1, 1]);
  expect(rewards({ type: 'outcome', environment: 2 })).toEqual([4, 1]);
  const base = rewardConfig.parse({ type: 'score', environment: 2 });
  expect(overrideReward(base, { environment: 0.5 })).toMatchObject({ type: 'score', environment: 0.5 });
  expect(rewards(overrideReward(base, { environment: 0.5 }))).toEqual([1.75, 1]);
});
