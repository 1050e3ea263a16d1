import { afterAll, describe, expect, test } from 'vitest';
import { openEnv, openEnvConfig } from '../../src/bridge/packaged-environments.ts';
import { EnvironmentError } from '../../src/core/errors.ts';
import { type CallResults, openCallResults, recordCalls } from '../../src/environments/call-results.ts';
import type { Environment } from '../../src/environments/environment.ts';
import { openPackaged } from '../../src/environments/packaged.ts';
import type { Json } from '../../src/environments/tool.ts';
import { loadProblems } from '../../src/problems/load-problems.ts';
import { rollAll } from '../../src/rollout/roll-groups.ts';
import { scriptedEngine } from '../../src/testing/index.ts';
import {
  environmentScore,
  environmentScoreConfig,
  openEnvironmentScore,
} from '../../src/verifiers/environment-score.ts';
import { hasPython, standInPython } from './pythons.ts';

const { python, remove } = standInPython();
afterAll(remove);

const base = { url: 'http://127.0.0.1:9', observation: 'text', count: 2, python } as const;
const parse = (settings: object = {}) => openEnvConfig.parse(openEnv({ ...base, ...settings }));
const load = async (settings: object = {}) => (await loadProblems(parse(settings), '.'))[0]!;

/** Runs turns from a state; returns the last answer. */
async function play(environment: Environment, state: Json, texts: readonly string[], results: CallResults) {
  const call = recordCalls(results);
  const { signal } = new AbortController();
  const context = {
    call: (...[tool, args]: [Parameters<typeof call>[0], Parameters<typeof call>[1]]) =>
      call(tool, args, signal),
    cut: (text: string, max: number) => (text.length > max ? `${text.slice(0, max)} [cut]` : text),
    signal,
  };
  let last;
  for (const text of texts) {
    last = await environment.reply(last?.state ?? state, { text, hasEnded: true }, context);
  }
  return last!; // oxlint-disable-line typescript/no-unnecessary-type-assertion -- assigned in the loop
}

const shownIn = ({ reply }: Awaited<ReturnType<typeof play>>): string =>
  reply.type === 'messages' ? reply.messages.map(({ content }) => content).join('\n') : reply.type;
const numberIn = (text: string): string => /\d+/.exec(text)![0];

describe.skipIf(!hasPython)('OpenEnv, with a stand-in client (skipped without python3)', () => {
  test('creates one problem per seed, and runs it to its end', async () => {
    const problems = await loadProblems(parse({ instruction: 'Repeat it.' }), '.');
    expect(problems).toHaveLength(2);
    expect(problems[0]!.prompt[0]!.content).toMatch(/^repeat \d+\nRepeat it\.$/);
    await using environment = await openPackaged(parse(), '.');
    using results = openCallResults(':memory:');
    const { state } = await environment.start(problems[0]!, 1);
    const first = await play(environment, state, [numberIn(problems[0]!.prompt[0]!.content)], results);
    expect(first).toMatchObject({ reward: 0.5, reply: { messages: [{ role: 'user' }] } });
    const last = await play(
      environment,
      first.state,
      [`<think>0</think> ${numberIn(shownIn(first))}`],
      results,
    );
    expect(last).toMatchObject({ reward: 0.5, reply: { type: 'end' } });
    expect(last.calls).toMatchObject([{ tool: 'step', outcome: 'ok' }]);
  });

  test('replays earlier turns after its process or connection ended, and recorded replies need neither', async () => {
    const problem = await load({ reset: { rounds: 9 } });
    const config = parse({ reset: { rounds: 9 } });
    using results = openCallResults(':memory:');
    let state: Json;
    let shown: string;
    {
      await using environment = await openPackaged(config, '.');
      ({ state } = await environment.start(problem, 1));
      const before = await play(environment, state, ['1', '2'], results);
      const killed = await openPackaged(config, '.');
      await killed[Symbol.asyncDispose]();
      // A new process, without the attempt's state.
      await using other = await openPackaged(config, '.');
      const again = await play(other, before.state, ['3'], results);
      using fresh = openCallResults(':memory:');
      shown = shownIn(await play(environment, before.state, ['3'], fresh));
      expect(shownIn(again)).toBe(shown);
      // The connection is lost at the third turn; the game continues where it was.
      expect(shownIn(await play(environment, state, ['1', '2', 'lose'], fresh))).toMatch(/^repeat/);
    }
    await using gone = await openPackaged(config, '.');
    await gone[Symbol.asyncDispose]();
    expect(shownIn(await play(gone, state, ['1', '2', '3'], results))).toBe(shown);
    await expect(play(gone, state, ['1', '2', '4'], results)).rejects.toThrow(/closed/);
  });

  test.each([
    ['raise', /Server error: the board is gone/],
    ['die', /its process ended \(exit code 5\)/],
    ['sleep', /gave no answer within 5 s/],
    ['nan', /expected a finite reward, got nan/],
    ['huge', /a reply of at most 8388608 characters, got \d+/],
  ])(
    'an environment that fails (%s) throws an EnvironmentError, and the next turn is answered',
    async (text, says) => {
      const problem = await load();
      await using environment = await openPackaged(parse(text === 'sleep' ? { maxTime: '5s' } : {}), '.');
      using results = openCallResults(':memory:');
      const { state } = await environment.start(problem, 1);
      const failed = await play(environment, state, [text], results).catch((error: unknown) => error);
      expect(failed).toBeInstanceOf(EnvironmentError);
      expect(String(failed)).toMatch(says);
      expect(shownIn(await play(environment, state, ['1'], results))).toMatch(/^repeat/);
    },
  );

  test('refuses to continue if a replayed turn gets a different reply', async () => {
    const problem = await load();
    using results = openCallResults(':memory:');
    await using environment = await openPackaged(parse(), '.');
    const { state } = await environment.start(problem, 1);
    const drifted = await play(environment, state, ['drift'], results);
    await using other = await openPackaged(parse(), '.');
    await expect(play(other, drifted.state, ['1'], results)).rejects.toThrow(
      /must depend only on the seed and the turns/,
    );
  });

  test('reads actions as text, whole numbers or JSON, and replies to a malformed one', async () => {
    const problem = await load();
    using results = openCallResults(':memory:');
    for (const [actionType, good, bad] of [
      ['integer', 'I say 7', 'seven'],
      ['json', 'so {"message": "7"}', '{"message"'],
    ]) {
      await using environment = await openPackaged(parse({ actionType }), '.');
      const { state } = await environment.start(problem, 1);
      expect((await play(environment, state, [good!], results)).calls![0]).toMatchObject({ outcome: 'ok' });
      const malformed = await play(environment, state, [bad!], results);
      expect(malformed.calls![0]).toMatchObject({ outcome: 'malformed' });
      expect(shownIn(malformed)).toMatch(/^Error: expected/);
    }
  });

  test('attempts of one group: failures are ungradable, finished ones are scored, cut-off ones are unparsed', async () => {
    const problem = await load();
    await using environment = await openPackaged(parse({ maxTime: '5s' }), '.');
    await using opened = new AsyncDisposableStack();
    const scripts = [['raise'], ['die'], ['sleep'], [numberIn(problem.prompt[0]!.content), '0'], ['0', '0']];
    const engine = scriptedEngine({
      complete: (_key, index, _version, turn) => scripts[index]?.[turn] ?? 'x'.repeat(99),
    });
    using results = openCallResults(':memory:');
    const verifier = opened.use(openEnvironmentScore(environmentScoreConfig.parse(environmentScore())));
    const [group] = await rollAll(
      {
        engine,
        verifierFor: () => verifier,
        environments: { of: () => environment, call: recordCalls(results) },
      },
      { problems: [problem], rollouts: 6, maxTokens: 30, temperature: 1, seed: 1 },
    );
    expect(group!.rollouts.map(({ verdict: { outcome, score } }) => `${outcome} ${score}`)).toEqual([
      'ungradable 0',
      'ungradable 0',
      'ungradable 0',
      'incorrect 0.5',
      'incorrect 0',
      'unparsed 0',
    ]);
    expect(group!.rollouts[0]!.verdict.reason).toMatch(
      /^openenv http:\/\/127\.0\.0\.1:9: .*the board is gone/,
    );
  });

  test('refuses a server that cannot be reached, and observations without the field', async () => {
    await expect(load({ url: 'http://unreachable:1' })).rejects.toThrow(
      /openenv http:\/\/unreachable:1.*failed to connect/,
    );
    await expect(load({ observation: 'board' })).rejects.toThrow(
      /expected a field "board" in the observation, got text, round/,
    );
  });
});
