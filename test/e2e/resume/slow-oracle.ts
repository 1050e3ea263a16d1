import { appendFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { CustomEnvironment, Tool } from 'gradus';

/**
 * Answers a turn through a slow tool that is down for a range of calls, e.g. `GRADUS_TEST_DOWN=3-5`.
 * Asks additions again in a separate turn; in other problems, inserts a digit after the opening brace.
 */
export default (): CustomEnvironment => {
  let calls = 0;
  const oracle: Tool = {
    version: '1',
    schema: { name: 'oracle', description: 'Counts.', parameters: { type: 'object' } },
    call: async ({ text }) => {
      const { GRADUS_TEST_DOWN: down, GRADUS_TEST_CALLS: log } = process.env;
      if (log !== undefined) appendFileSync(log, 'begin\n');
      const [first = Infinity, last = 0] = (down ?? '').split('-').map(Number);
      calls++;
      if (calls >= first && calls <= last) throw new Error('the oracle is down');
      await sleep(15);
      if (log !== undefined) appendFileSync(log, 'end\n');
      return { outcome: 'ok', text: String((text as string).length % 10) };
    },
  };
  return {
    stop: ['{'],
    roles: ['user'],
    start: ({ family, prompt }) => ({
      state: { isAddition: family === 'addition', question: prompt.at(-1)!.content, turn: 0 },
    }),
    reply: async (state, { text, hasEnded }, { call }) => {
      const { isAddition, question, turn } = state as { isAddition: boolean; question: string; turn: number };
      const next = { isAddition, question, turn: turn + 1 };
      if (turn > 0 || (hasEnded && !isAddition)) return { state: next, reply: { type: 'end' }, reward: 0.5 };
      const result = await call(oracle, { text });
      const made = [{ tool: 'oracle@1', arguments: { text }, outcome: result.outcome, result: result.text }];
      return {
        state: next,
        calls: made,
        reply: hasEnded
          ? { type: 'messages', messages: [{ role: 'user', content: question }] }
          : { type: 'insert', text: result.text },
      };
    },
  };
};
