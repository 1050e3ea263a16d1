import { expect, test } from 'vitest';
import { answerOf, finishReasonOf, type Rollout, writtenTokens } from '../../core/rollout.ts';
import type { Environment } from '../../environments/environment.ts';
import { mathProblem, scriptedEngine, scriptedEnvironment } from '../../testing/index.ts';
import type { Verifier } from '../../verifiers/verifier.ts';
import { rollAll, type RolloutRequest } from '../roll-groups.ts';

const verifier: Verifier = {
  name: 'says',
  version: '1',
  check: () => {},
  verify: async (_, text) => ({ outcome: 'correct', score: 1, reason: text, verifier: 'says@1' }),
  [Symbol.asyncDispose]: async () => {},
};

const request = { rollouts: 2, maxTokens: 60, temperature: 1, seed: 1 };

async function rollWith(
  environment: Environment,
  complete: (key: string, index: number, version: number, turn: number) => string | Promise<string>,
  settings: Partial<RolloutRequest> = {},
): Promise<readonly Rollout[]> {
  const engine = scriptedEngine({ complete });
  const environments = {
    of: () => environment,
    call: async () => ({ outcome: 'ok', text: '' }) as const,
  };
  const groups = await rollAll(
    { engine, verifierFor: () => verifier, environments },
    { problems: [mathProblem()], ...request, ...settings },
  );
  return groups[0]!.rollouts;
}

const insertOnce = scriptedEnvironment({
  stop: ['?'],
  reply: ({ text }, turn) => ({
    reply: turn === 0 && text.endsWith('?') ? { type: 'insert', text: '[5]' } : { type: 'end' },
    calls: [{ tool: 'calc@1', arguments: { text }, outcome: 'ok', result: '5' }],
    reward: turn + 1,
  }),
});

test('inserts a reply into the turn; inserted tokens have no log-probability and do not count as written', async () => {
  const [first] = await rollWith(insertOnce, (_key, index, _version, turn) =>
    turn === 0 ? `${index}+?` : ' so 5',
  );
  const { tokens, logprobs, written, messages } = first!.transcripts[0]!;
  expect(String.fromCharCode(...tokens)).toBe('2+2=?0+?[5] so 5\0');
  expect(written).toEqual([
    { start: 5, end: 8, policyVersion: 0, finishReason: 'stop', reward: 1 },
    { start: 11, end: 17, policyVersion: 0, finishReason: 'stop', reward: 2 },
  ]);
  expect([...logprobs]).toEqual([
    0, 0, 0, 0, 0, -0.5, -0.5, -0.5, 0, 0, 0, -0.5, -0.5, -0.5, -0.5, -0.5, -0.5,
  ]);
  expect(messages.map(({ role, author, content }) => `${role} ${author} ${content}`)).toEqual([
    'user problem 2+2=?',
    'assistant policy 0+?',
    'assistant environment [5]',
    'assistant policy  so 5',
  ]);
  expect(messages[1]!.calls).toEqual([
    { tool: 'calc@1', arguments: { text: '0+?' }, outcome: 'ok', result: '5' },
  ]);
});

test('judges the text that the policy wrote in its turn, without insertions by the environment', async () => {
  const [first] = await rollWith(insertOnce, (_key, _index, _version, turn) => (turn === 0 ? 'a?' : ' so 5'));
  expect(first!.verdict.reason).toBe('a? so 5');
  expect(answerOf(first!)).toBe('a? so 5');
  expect(writtenTokens(first!)).toBe(8);
});

test('judges only the last turn if the environment replies with messages', async () => {
  const asks = scriptedEnvironment({
    roles: ['user'],
    reply: (_, turn) => ({
      reply:
        turn === 0 ? { type: 'messages', messages: [{ role: 'user', content: 'sure?' }] } : { type: 'end' },
    }),
  });
  const [first] = await rollWith(asks, (_key, _index, _version, turn) => `answer ${turn}`);
  expect(first!.verdict.reason).toBe('answer 1');
  expect(first!.transcripts[0]!.messages.map(({ content }) => content)).toEqual([
    '2+2=?',
    'answer 0',
    'sure?',
    'answer 1',
  ]);
});

test('continues an attempt as soon as its own reply arrives, while others are still writing', async () => {
  const order: string[] = [];
  const slow = Promise.withResolvers<void>();
  const rollouts = await rollWith(insertOnce, async (_key, index, _version, turn) => {
    if (index === 1 && turn === 0) await slow.promise;
    if (index === 0 && turn === 1) slow.resolve();
    order.push(`${index}.${turn}`);
    return turn === 0 ? 'a?' : 'b';
  });
  expect(order).toEqual(['0.0', '0.1', '1.0', '1.1']);
  expect(rollouts.map(({ verdict }) => verdict.outcome)).toEqual(['correct', 'correct']);
});

test('limits the total number of tokens written in all turns', async () => {
  const endless = scriptedEnvironment({
    stop: ['?'],
    maxTurns: 100,
    reply: () => ({ reply: { type: 'insert', text: '!' } }),
  });
  const [first] = await rollWith(endless, () => 'abc?', { maxTokens: 10 });
  expect(writtenTokens(first!)).toBe(10);
  expect(finishReasonOf(first!)).toBe('length');
});

test('ends with finish reason length at the turn limit and at the end of the window', async () => {
  const endless = scriptedEnvironment({
    stop: ['?'],
    maxTurns: 3,
    reply: () => ({ reply: { type: 'insert', text: '!' } }),
  });
  const [turns] = await rollWith(endless, () => 'a?');
  expect(turns!.transcripts[0]!.written.at(-1)).toMatchObject({ finishReason: 'length', limit: 'turns' });
  expect(turns!.transcripts[0]!.written).toHaveLength(3);
  const wide = scriptedEnvironment({
    stop: ['?'],
    reply: () => ({ reply: { type: 'insert', text: 'x'.repeat(5000) } }),
  });
  const [window] = await rollWith(wide, () => 'a?');
  expect(window!.transcripts[0]!.written.at(-1)).toMatchObject({ finishReason: 'length', limit: 'window' });
});

test.for([
  ['throws', () => Promise.reject(new Error('index is gone')), 'scripted failed: Error: index is gone'],
  ['never answers', () => new Promise<never>(() => {}), 'scripted returned no reply within 50 ms'],
  [
    'rewards with NaN',
    () => ({ reply: { type: 'end' }, reward: Number.NaN }) as const,
    'scripted: expected a finite reward, got NaN',
  ],
  [
    'replies with 10 MB',
    () => ({ reply: { type: 'insert', text: 'x'.repeat(1e7) } as const }),
    "expected a reply that fits into the model's 4096 tokens, got 10000000 characters",
  ],
] as const)('an environment that %s makes the attempt ungradable', async ([name, reply, reason]) => {
  const broken = scriptedEnvironment({ stop: ['?'], maxTime: name === 'never answers' ? 50 : 60_000, reply });
  const [first] = await rollWith(broken, () => 'a?');
  expect(first!.verdict).toMatchObject({ outcome: 'ungradable', score: 0 });
  expect(first!.verdict.reason).toContain(reason);
  expect(first!.transcripts[0]!.messages.at(-1)!.content).toBe('a?');
});

test('an environment that fails to start makes all attempts of its problem ungradable', async () => {
  const broken = scriptedEnvironment({
    start: () => {
      throw new Error('no index');
    },
    reply: () => ({ reply: { type: 'end' } }),
  });
  const rollouts = await rollWith(broken, () => 'a');
  expect(rollouts.map(({ verdict }) => verdict.reason)).toEqual([
    'scripted failed to start: Error: no index',
    'scripted failed to start: Error: no index',
  ]);
});

test('a start that never ends makes the attempts ungradable, and does not delay an abort', async () => {
  const stuck = (maxTime: number) =>
    scriptedEnvironment({
      maxTime,
      start: () => new Promise<never>(() => {}),
      reply: () => ({ reply: { type: 'end' } }),
    });
  const rollouts = await rollWith(stuck(50), () => 'a');
  expect(rollouts.map(({ verdict }) => verdict.outcome)).toEqual(['ungradable', 'ungradable']);
  expect(rollouts[0]!.verdict.reason).toContain('scripted returned no start within 50 ms');
  const environments = {
    of: () => stuck(600_000),
    call: async () => ({ outcome: 'ok', text: '' }) as const,
  };
  const parts = {
    engine: scriptedEngine({ complete: () => 'a' }),
    verifierFor: () => verifier,
    environments,
  };
  const problems = [mathProblem({ id: 'a' }), mathProblem({ id: 'b' })];
  const abort = new AbortController();
  setTimeout(() => abort.abort(new Error('stopped by hand')), 20);
  await expect(rollAll(parts, { problems, ...request }, abort.signal)).rejects.toThrow('stopped by hand');
});

test('makes an attempt ungradable if the environment inserts after an end token', async () => {
  const late = scriptedEnvironment({ reply: () => ({ reply: { type: 'insert', text: '!' } }) });
  const [first] = await rollWith(late, () => 'a');
  expect(first!.verdict).toMatchObject({ outcome: 'ungradable' });
  expect(first!.verdict.reason).toContain('after the policy ended its turn, got an insertion');
});

test('rolls out problems with and without an environment in one call', async () => {
  const engine = scriptedEngine({ complete: (_key, _index, _version, turn) => (turn === 0 ? 'a?' : 'b') });
  const [plain, tool] = [mathProblem({ id: 'plain' }), mathProblem({ id: 'tool', domain: 'tool' })];
  const environments = {
    of: ({ domain }: { readonly domain: string }) => (domain === 'tool' ? insertOnce : undefined),
    call: async () => ({ outcome: 'ok', text: '' }) as const,
  };
  const groups = await rollAll(
    { engine, verifierFor: () => verifier, environments },
    { problems: [plain, tool], ...request },
  );
  expect(
    groups.map(({ rollouts }) => rollouts.map(({ transcripts }) => transcripts[0]!.written.length)),
  ).toEqual([
    [1, 1],
    [2, 2],
  ]);
});

test('stops the engine and the environment on abort', async () => {
  const abort = new AbortController();
  let heard = false;
  const waiting = scriptedEnvironment({
    stop: ['?'],
    reply: (_written, _turn, { signal }) =>
      new Promise((_resolve, reject) => {
        signal.addEventListener('abort', () => {
          heard = true;
          reject(signal.reason as Error);
        });
        abort.abort(new Error('stopped by hand'));
      }),
  });
  const engine = scriptedEngine({ complete: () => 'a?' });
  const environments = { of: () => waiting, call: async () => ({ outcome: 'ok', text: '' }) as const };
  const parts = { engine, verifierFor: () => verifier, environments };
  await expect(rollAll(parts, { problems: [mathProblem()], ...request }, abort.signal)).rejects.toThrow(
    'stopped by hand',
  );
  expect(heard).toBe(true);
});
