import { afterAll, expect, test } from 'vitest';
import { chat } from './call-format.ts';
import { pythonConfig, openPython } from './python.ts';
import type { ReplyContext } from './environment.ts';

const environment = openPython(pythonConfig.parse({ type: 'python', maxCpu: '1s' }));
afterAll(() => environment[Symbol.asyncDispose]());

const context: ReplyContext = {
  call: (tool, args, signal = new AbortController().signal) => tool.call(args, signal),
  cut: (text, most) => text.slice(0, most),
  signal: new AbortController().signal,
};

async function run(...programs: string[]): Promise<string[]> {
  let { state } = await environment.start({ id: 'p', domain: 'd', prompt: [], source: 's' }, 0);
  const results = [];
  for (const program of programs) {
    const answered = await environment.reply(
      state,
      { text: `<python>${program}</python>`, hasEnded: false },
      context,
    );
    state = answered.state;
    results.push(...answered.calls!.map(({ outcome, result }) => `${outcome}: ${result}`));
  }
  return results;
}

test('returns what a program prints, and the value of its last expression', async () => {
  expect(await run('print(2 ** 10)', '6 * 7', 'x = 1')).toEqual(['ok: 1024', 'ok: 42', 'ok: (no output)']);
});

test('keeps the variables of earlier programs but not their output, and does not run failed programs again', async () => {
  expect(await run('x = 5\nprint("once")', 'x += 1\n1 / 0', 'print(x)')).toEqual([
    'ok: (no output)'.replace('(no output)', 'once'),
    expect.stringMatching(/^failed: .*ZeroDivisionError/) as string,
    'ok: 5',
  ]);
});

test(
  'a call fails if its program does not end, prints endlessly or raises an error',
  { timeout: 60_000 },
  async () => {
    const [endless, printing, wrong] = [
      ...(await run('while True: pass')),
      ...(await run('while True: print("x" * 1000)')),
      ...(await run('print(')),
    ];
    expect(endless).toBe('failed: Error: the program exceeded its CPU time.');
    expect(printing).toMatch(/^failed: Error: the program/);
    expect(wrong).toMatch(/^failed: .*SyntaxError/);
  },
);

test('without keepState, ignores earlier programs that the call itself passes', async () => {
  const config = pythonConfig.parse({ type: 'python', keepState: false, format: chat() });
  await using forgetful = openPython(config);
  const { state } = await forgetful.start({ id: 'p', domain: 'd', prompt: [], source: 's' }, 0);
  const call = JSON.stringify({ name: 'python', arguments: { code: 'print(1)', earlier: 5 } });
  const { calls } = await forgetful.reply(
    state,
    { text: `<tool_call>${call}</tool_call>`, hasEnded: true },
    context,
  );
  expect(calls).toMatchObject([{ outcome: 'ok', result: '1' }]);
});
