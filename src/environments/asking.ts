import * as z from 'zod';
import { noun } from '../core/config-builder.ts';
import type { Problem } from '../core/problem.ts';
import { complexity } from '../core/text/complexity.ts';
import type { Environment } from './environment.ts';
import { mostCases, type Way, waySettings, ways } from '../core/text/ways-of-asking.ts';

/**
 * Bits of complexity per reduced case, for `cases: 'complexity'`. The value is our choice: the paper does not give its
 * constant.
 */
const bitsPerCase = 8;
/** Settings of a way of asking. */
export const askingConfig = waySettings.extend({ type: z.literal('asking') });

/**
 * Asks in a named way, over one or more turns. The last answer is judged, and the tokens of all turns count towards
 * `maxTokens`.
 *
 * @example
 * environments: { math: asking({ way: 'inductive-deductive' }) }
 */
export const asking = noun(askingConfig);

/** Time limit of a reply, in milliseconds. A reply is computed immediately, so the limit is never reached. */
const maxTime = 60_000;

/** Opens a way of asking, whose turns do not depend on the policy's answers. */
export function openAsking(config: z.output<typeof askingConfig>): Environment {
  const way: Way = ways[config.way];
  const hasCases = way.first.includes('{cases}');
  return {
    name: `asking-${config.way}`,
    version: hasCases ? `${way.version}-${config.cases}` : way.version,
    stop: [],
    roles: way.later.length === 0 ? [] : ['user'],
    maxTurns: 1 + way.later.length,
    maxTime,
    start: ({ prompt }) => {
      const last = prompt.at(-1)!;
      const first = way.first.replace('{cases}', String(casesOf(prompt, config.cases)));
      return {
        state: 0,
        prompt: [...prompt.slice(0, -1), { ...last, content: `${last.content}\n\n${first}` }],
      };
    },
    reply: (state) => {
      const turn = Number(state);
      const content = way.later[turn];
      return content === undefined
        ? { state: turn, reply: { type: 'end' } }
        : { state: turn + 1, reply: { type: 'messages', messages: [{ role: 'user', content }] } };
    },
    [Symbol.asyncDispose]: async () => {},
  };
}

/** Returns the number of reduced cases for a problem. */
export function casesOf(prompt: Problem['prompt'], cases: z.output<typeof waySettings>['cases']): number {
  if (cases !== 'complexity') return cases;
  const bits = complexity(prompt.map(({ content }) => content).join('\n'));
  return Math.min(mostCases, Math.max(1, Math.ceil(bits / bitsPerCase)));
}
