import * as z from 'zod';
import { armCount, type Bandit, banditOf, contextAt } from '../core/bandit/bandit.ts';
import { noun } from '../core/config-builder.ts';
import { EnvironmentError } from '../core/errors.ts';
import { hashKey } from '../core/rng.ts';
import type { ToolCall } from '../core/transcript.ts';
import { renderContext, renderings, renderTurn, type Style } from './bandit/renderings.ts';
import { drawReward } from './bandit/rewards.ts';
import type { Pull } from './bandit/tally.ts';
import type { Answered, Environment } from './environment.ts';
import type { Json } from './tool.ts';

/** Settings of the bandit environment: the policy names an arm in each turn and reads its reward. */
export const banditConfig = z.strictObject({
  type: z.literal('bandit'),
  /** Information that the policy reads besides the reward; see `renderings`. */
  rendering: z.enum(renderings).default('raw'),
  /**
   * `chat`: each reply is a user message. `inline`: the policy writes `3=`, and the reply `1;` is inserted after it;
   * for models without a chat template.
   */
  form: z.enum(['chat', 'inline']).default('chat'),
  /** Number of decimal places of means, bonuses, rewards and features. */
  digits: z.int().min(0).max(6).default(2),
  /** Maximum number of turns that a problem may have. */
  maxTurns: z.int().min(1).default(1000),
});

/**
 * Configures the bandit environment, for problems from `bandits()`.
 *
 * @example
 * environments: { bandit: bandit({ rendering: 'summary' }) }, verifiers: { bandit: regret() }
 */
export const bandit = noun(banditConfig);

/** Time limit of a reply, in milliseconds. A reply is computed immediately, so the limit is never reached. */
const maxTime = 60_000;

/** State of an attempt; everything else follows from the problem. */
interface State {
  readonly [key: string]: Json;
  readonly bandit: Bandit & Json;
  readonly seed: number;
  /** Number of turns played, including those with an unreadable choice. */
  readonly turn: number;
  /** Arm (0-based), reward and turn of each pull. */
  readonly pulls: readonly (readonly [number, number, number])[];
}

/**
 * Opens the bandit environment. An unreadable choice uses up a turn without a reward. The rewards depend on the
 * attempt's seed, which all attempts of a group share.
 */
export function openBandit(config: z.output<typeof banditConfig>): Environment {
  const { form, maxTurns } = config;
  const isInline = form === 'inline';
  return {
    name: 'bandit',
    version: `1-${hashKey(JSON.stringify(config)).toString(36)}`,
    stop: isInline ? ['='] : [],
    roles: isInline ? [] : ['user'],
    maxTurns,
    maxTime,
    start(problem, seed) {
      const game = banditOf(problem);
      if (game.turns > maxTurns) {
        throw new EnvironmentError(
          `bandit: expected at most ${maxTurns} turns, got ${game.turns} in problem ${problem.id}; set maxTurns: ${game.turns}`,
        );
      }
      const state = { bandit: game as Bandit & Json, seed, turn: 0, pulls: [] } satisfies State;
      const context = renderContext(game, 0, config);
      if (context.length === 0) return { state };
      const last = problem.prompt.at(-1)!;
      const content = [last.content, ...context].join('\n');
      return { state, prompt: [...problem.prompt.slice(0, -1), { ...last, content }] };
    },
    reply: (state, { text, hasEnded }) => replyTo(state as State, text, isInline && hasEnded, config),
    [Symbol.asyncDispose]: async () => {},
  };
}

/** @param isClosed whether the policy ended an inline turn itself, so nothing can follow it. */
function replyTo(state: State, text: string, isClosed: boolean, style: Style): Answered {
  if (isClosed) return { state, reply: { type: 'end' } };
  const { bandit: game, seed, turn } = state;
  const arm = readChoice(text, armCount(game));
  const isOver = turn + 1 === game.turns;
  if (arm === null) {
    const problem = `Error: expected the number of an arm, from 1 to ${armCount(game)}.`;
    const context = renderContext(game, turn + 1, style);
    const shown = style.form === 'chat' ? [problem, ...context].join('\n') : ['?', ...context, ''].join(';');
    return {
      state: { ...state, turn: turn + 1 },
      calls: [record('malformed', text, problem)],
      reply: isOver ? { type: 'end' } : reply(style, shown),
    };
  }
  const reward = drawReward(game, arm, state.pulls.filter(([other]) => other === arm).length, turn, seed);
  const pulls = [...state.pulls, [arm, reward, turn] as const];
  const seen = pulls.map(([one, earned, at]): Pull => ({
    arm: one,
    reward: earned,
    context: contextAt(game, at),
  }));
  return {
    state: { ...state, turn: turn + 1, pulls },
    reward,
    calls: [record('ok', { arm: arm + 1 }, String(reward))],
    reply: isOver ? { type: 'end' } : reply(style, renderTurn(game, seen, { reward, turn }, style)),
  };
}

const record = (outcome: ToolCall['outcome'], args: Json, result: string): ToolCall => ({
  tool: outcome === 'ok' ? 'arm@1' : 'arm',
  arguments: args,
  outcome,
  result,
});

const reply = ({ form }: Style, content: string): Answered['reply'] =>
  form === 'inline'
    ? { type: 'insert', text: content }
    : { type: 'messages', messages: [{ role: 'user', content }] };

/**
 * Reads the arm (0-based) that a turn names: the only integer from 1 to `arms` in its text after any thinking; null if
 * it names no arm or several.
 */
export function readChoice(text: string, arms: number): number | null {
  const said = text.split('</think>').at(-1)!;
  const named = new Set(said.match(/\d+(?:\.\d+)?/gu) ?? []);
  if (named.size !== 1) return null;
  const arm = Number([...named][0]);
  return Number.isInteger(arm) && arm >= 1 && arm <= arms ? arm - 1 : null;
}
