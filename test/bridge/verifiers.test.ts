import { describe, expect, test } from 'vitest';
import { verifiersEnv, verifiersEnvConfig } from '../../src/bridge/packaged-environments.ts';
import { openCallResults, recordCalls } from '../../src/environments/call-results.ts';
import { openPackaged } from '../../src/environments/packaged.ts';
import type { Json } from '../../src/environments/tool.ts';
import { loadProblems } from '../../src/problems/load-problems.ts';
import { realPython } from './pythons.ts';

const parse = (id: string, settings: object = {}) =>
  verifiersEnvConfig.parse(verifiersEnv({ id, count: 2, python: realPython!, ...settings }));

/** Runs texts as the turns of a new attempt, or from a state. */
async function player(config: ReturnType<typeof parse>, folder: string) {
  const environment = await openPackaged(config, folder);
  const { signal } = new AbortController();
  const play = async (start: Json, texts: readonly string[]) => {
    using results = openCallResults(':memory:');
    const call = recordCalls(results);
    const context = {
      call: (...[tool, args]: [Parameters<typeof call>[0], Parameters<typeof call>[1]]) =>
        call(tool, args, signal),
      cut: (text: string) => text,
      signal,
    };
    let last;
    for (const text of texts)
      last = await environment.reply(last?.state ?? start, { text, hasEnded: true }, context);
    return last!; // oxlint-disable-line typescript/no-unnecessary-type-assertion -- assigned in the loop
  };
  return { environment, play };
}

const sumIn = (text: string): string => {
  const [a, b] = /(\d+)\+(\d+)/.exec(text)!.slice(1).map(Number);
  return String(a! + b!);
};

describe.skipIf(realPython === undefined)('the verifiers package (needs GRADUS_ENVIRONMENTS_PYTHON)', () => {
  test('returns the reward of a taskset with one turn', async () => {
    const [problem, other] = await loadProblems(parse('tiny-sums'), 'recipes/verifiers');
    expect(problem!.answer).toBe(sumIn(problem!.prompt[0]!.content));
    expect(problem!.id).not.toBe(other!.id);
    const { environment, play } = await player(parse('tiny-sums'), 'recipes/verifiers');
    await using _ = environment;
    const { state } = await environment.start(problem!, 1);
    expect(await play(state, [problem!.answer!])).toMatchObject({ reward: 1, reply: { type: 'end' } });
    expect(await play(state, ['-1'])).toMatchObject({ reward: 0, reply: { type: 'end' } });
  });

  test('continues an environment with several turns in a different process', async () => {
    const [problem] = await loadProblems(parse('tiny-rounds'), 'recipes/verifiers');
    const first = await player(parse('tiny-rounds'), 'recipes/verifiers');
    const { state } = await first.environment.start(problem!, 1);
    const answered = await first.play(state, [sumIn(problem!.prompt[0]!.content)]);
    await first.environment[Symbol.asyncDispose]();
    expect(answered.reply).toMatchObject({ type: 'messages', messages: [{ role: 'user' }] });
    const content = answered.reply.type === 'messages' ? answered.reply.messages[0]!.content : '';
    const second = await player(parse('tiny-rounds'), 'recipes/verifiers');
    await using _ = second.environment;
    expect(await second.play(answered.state, [sumIn(content)])).toMatchObject({
      reward: 1,
      reply: { type: 'end' },
    });
  });

  test('throws if an environment fails, and answers the next attempt', async () => {
    const config = parse('hostile-rounds', { maxTime: '20s' });
    const [problem] = await loadProblems(config, 'test/bridge');
    const { environment, play } = await player(config, 'test/bridge');
    await using _ = environment;
    const { state } = await environment.start(problem!, 1);
    for (const [text, says] of [
      ['raise', /the episode failed: .*a bad day/],
      ['sleep', /gave no answer within 20 s/],
      ['huge', /a reply of at most 8388608 characters/],
      ['nan', /finite/],
    ] as const)
      await expect(play(state, [text])).rejects.toThrow(says);
    expect(await play(state, ['again', 'yes'])).toMatchObject({ reward: 1, reply: { type: 'end' } });
    await expect(loadProblems(parse('hostile-rounds', { count: 9 }), 'test/bridge')).rejects.toThrow(
      /expected 9 tasks from 0 on, found 3/,
    );
    await expect(loadProblems(parse('no-such-taskset'), 'test/bridge')).rejects.toThrow(/no-such-taskset/);
  });
});
