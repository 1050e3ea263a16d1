import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { readCalls, tagResult, tags } from './call-format.ts';
import { openCallResults, recordCalls } from './call-results.ts';
import type { ReplyContext } from './environment.ts';
import type { Tool } from './tool.ts';
import { toolEnvironment, type ToolLimits } from './tool-environment.ts';

const adder: Tool = {
  version: '1',
  schema: { name: 'add', description: 'Adds.', parameters: { type: 'object' } },
  textArgument: 'sum',
  call: async ({ sum }) => {
    const parts = (sum as string).split('+').map(Number);
    if (parts.some(Number.isNaN)) return { outcome: 'failed', text: 'not numbers' };
    return { outcome: 'ok', text: String(parts.reduce((a, b) => a + b, 0)) };
  },
};
const tagFormat = tags({ call: ['<add>', '</add>'], result: ['<sum>', '</sum>'] });
const limits: ToolLimits = { format: tagFormat, maxCalls: 2, maxResultTokens: 100, maxTime: '1s' };
const context: ReplyContext = {
  call: (tool, args) => tool.call(args, new AbortController().signal),
  cut: (text, most) => text.slice(0, most),
  signal: new AbortController().signal,
};
const asWritten = (text: string, hasEnded = false) => ({ text, hasEnded });

async function play(turns: readonly string[], settings = limits) {
  const environment = toolEnvironment('add', [adder], settings);
  let { state } = await environment.start({ id: 'p', domain: 'd', prompt: [], source: 's' }, 0);
  const replies = [];
  for (const text of turns) {
    const answered = await environment.reply(
      state,
      asWritten(text, settings.format.type === 'chat'),
      context,
    );
    // The state passes through JSON, as in a checkpoint.
    state = JSON.parse(JSON.stringify(answered.state)) as typeof state;
    replies.push(answered);
  }
  return replies;
}

test('inserts the result of a call, and records the call', async () => {
  const [first, end] = await play(['so <add>2+3</add>', 'it is 5']);
  expect(first).toMatchObject({
    reply: { type: 'insert', text: '<sum>5</sum>' },
    calls: [{ tool: 'add@1', arguments: { sum: '2+3' }, outcome: 'ok', result: '5' }],
  });
  expect(end!.reply).toEqual({ type: 'end' });
});

test('reports a failed call, an unreadable call and an exhausted limit to the policy', async () => {
  const replies = await play(['<add>x</add>', '</add>', '<add>1+1</add>']);
  expect(replies.flatMap(({ calls }) => calls!.map(({ outcome }) => outcome))).toEqual([
    'failed',
    'malformed',
    'refused',
  ]);
  expect(replies.at(-1)!.calls![0]!.result).toBe('Error: the limit of 2 calls is reached. Answer now.');
});

test.for([
  ['{"name": "add", "arguments": {"sum": "1+1"}}', 'ok', '2'],
  ['{"name": "add", "arguments": {"sum": "1+1"}', 'malformed', 'expected one JSON object'],
  ['{"name": "sub", "arguments": {}}', 'malformed', 'expected one of the tools add, got "sub"'],
  ['{"name": "add", "arguments": [1]}', 'malformed', 'expected "arguments" to be an object, got [1]'],
] as const)('reads a call in the form of Qwen and Hermes: %s', async ([call, outcome, result]) => {
  const format = { type: 'chat' } as const;
  const [first] = await play([`<think>\nhm {\n</think>\n\n<tool_call>\n${call}\n</tool_call>`], {
    ...limits,
    format,
  });
  expect(first!.calls![0]!.outcome).toBe(outcome);
  expect(first!.calls![0]!.result).toContain(result);
  expect(first!.reply).toMatchObject({ type: 'messages', messages: [{ role: 'tool' }] });
});

test('reads several calls in one turn, and a single JSON object as Llama 3 writes it', async () => {
  const format = { type: 'chat' } as const;
  const two =
    '<tool_call>{"name":"add","arguments":{"sum":"1+1"}}</tool_call><tool_call>{"name":"add","arguments":{"sum":"2+2"}}</tool_call>';
  const [first] = await play([two], { ...limits, format });
  expect(first!.calls!.map(({ result }) => result)).toEqual(['2', '4']);
  const [second] = await play(['{"name": "add", "parameters": {"sum": "1+2"}}'], { ...limits, format });
  expect(second!.calls!.map(({ result }) => result)).toEqual(['3']);
  const [answer] = await play(['{"x": 1} is the answer'], { ...limits, format });
  expect(answer!.reply.type).toBe('end');
});

test.for([64, 20_000])(
  'rejects a call nested %i or more levels deep, which could not be recorded',
  async (depth) => {
    const format = { type: 'chat' } as const;
    const nested = '['.repeat(depth) + ']'.repeat(depth);
    const text = `<tool_call>{"name": "add", "arguments": {"sum": "1+1", "other": ${nested}}}</tool_call>`;
    const [answered] = await play([text], { ...limits, format });
    expect(answered!.calls).toMatchObject([
      { outcome: 'malformed', result: 'Error: expected JSON nested at most 64 deep.' },
    ]);
    expect(() => JSON.stringify(answered)).not.toThrow();
  },
);

test('a result contains none of the tags of its format', () => {
  const piece = fc.constantFrom('<add>', '</add>', '<sum>', '</sum>', '<', 'a', 'dd>', '</su', 'm>', ' ');
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
      const text = tagResult(tagFormat, pieces.join(''));
      expect(text.startsWith('<sum>') && text.endsWith('</sum>')).toBe(true);
      expect(text.slice(5, -6)).not.toMatch(/<add>|<\/add>|<sum>|<\/sum>/);
    }),
  );
});

test('reads arbitrary text as calls of known tools or as faults with a reason', () => {
  const piece = fc.constantFrom(
    '<add>',
    '</add>',
    '<tool_call>',
    '</tool_call>',
    '{"name":',
    '"add"',
    '}',
    'x',
  );
  fc.assert(
    fc.property(fc.array(piece), (pieces) => {
      for (const format of [tagFormat, { type: 'chat' } as const])
        for (const call of readCalls(format, pieces.join(''), [adder]))
          expect('tool' in call ? call.tool : call.problem).toBeTruthy();
    }),
  );
});

test('makes equal calls once, even concurrent ones, and never records a failure', async () => {
  let calls = 0;
  let isDown = true;
  const slow: Tool = {
    ...adder,
    call: async (args) => {
      calls++;
      await new Promise((resolve) => setTimeout(resolve, 5));
      if (isDown) throw new Error('down');
      return { outcome: 'ok', text: JSON.stringify(args) };
    },
  };
  using results = openCallResults(':memory:');
  const call = recordCalls(results);
  const { signal } = new AbortController();
  await expect(call(slow, { a: 1, b: 2 }, signal)).rejects.toThrow('add@1 failed: down');
  isDown = false;
  const [one, two] = await Promise.all([
    call(slow, { a: 1, b: 2 }, signal),
    call(slow, { b: 2, a: 1 }, signal),
  ]);
  expect(one).toEqual(two);
  expect(calls).toBe(2);
  expect(await call({ ...slow, version: '2' }, { a: 1, b: 2 }, signal)).toEqual(one);
  expect(calls).toBe(3);
});

test('concurrent equal calls share a failure', async () => {
  let calls = 0;
  const broken: Tool = {
    ...adder,
    call: async () => {
      calls++;
      await new Promise((resolve) => setTimeout(resolve, 5));
      throw new Error('down');
    },
  };
  using results = openCallResults(':memory:');
  const call = recordCalls(results);
  const { signal } = new AbortController();
  const made = await Promise.allSettled(Array.from({ length: 20 }, () => call(broken, {}, signal)));
  expect(made.map((one) => one.status)).toEqual(made.map(() => 'rejected'));
  expect(calls).toBe(1);
});

test('a call that hangs fails for its own caller, not for the next one', async () => {
  let calls = 0;
  const hangs: Tool = {
    ...adder,
    call: () => (calls++ === 0 ? new Promise(() => {}) : Promise.resolve({ outcome: 'ok', text: 'x' })),
  };
  using results = openCallResults(':memory:');
  const call = recordCalls(results);
  const first = call(hangs, {}, AbortSignal.timeout(10));
  const second = call(hangs, {}, new AbortController().signal);
  await expect(first).rejects.toThrow('timeout');
  expect(await second).toEqual({ outcome: 'ok', text: 'x' });
});
