import type { Answered, Environment, ReplyContext, WrittenTurn } from '../environments/environment.ts';

/** Options of a scripted environment. */
export interface ScriptedEnvironmentOptions extends Partial<
  Pick<Environment, 'name' | 'version' | 'stop' | 'roles' | 'tools' | 'maxTurns' | 'maxTime' | 'start'>
> {
  /** Returns the reply to turn 0, 1, … of an attempt. May throw, to test how a caller handles a failing environment. */
  readonly reply: (
    written: WrittenTurn,
    turn: number,
    context: ReplyContext,
  ) => Omit<Answered, 'state'> | Promise<Omit<Answered, 'state'>>;
}

/**
 * Creates an environment whose replies come from a function, to test code that uses environments. Its state is the
 * number of turns.
 *
 * @example
 * const twice = scriptedEnvironment({
 *   stop: [';'],
 *   reply: (_, turn) => ({ reply: turn === 0 ? { type: 'insert', text: ' and ' } : { type: 'end' } }),
 * });
 */
export function scriptedEnvironment({ reply, ...options }: ScriptedEnvironmentOptions): Environment {
  return {
    name: 'scripted',
    version: '1',
    stop: [],
    roles: [],
    maxTurns: 8,
    maxTime: 10_000,
    start: () => ({ state: 0 }),
    ...options,
    reply: async (state, written, context) => {
      const turn = state as number;
      return { ...(await reply(written, turn, context)), state: turn + 1 };
    },
    [Symbol.asyncDispose]: async () => {},
  };
}
