import { banditOf, contextAt } from '../../core/bandit/bandit.ts';
import { DataError } from '../../core/errors.ts';
import type { Message, Problem } from '../../core/problem.ts';
import { createRng } from '../../core/rng.ts';
import type { Environment, ReplyContext } from '../environment.ts';
import { createOracle, type OracleName } from './oracles/create-oracle.ts';

/** A turn of an oracle, as a row for supervised fine-tuning. */
export interface OracleExample {
  /** The problem and all earlier turns. */
  readonly prompt: readonly Message[];
  /** Number of the chosen arm, counted from 1. */
  readonly completion: string;
}

/** A reply context without tools, which a bandit does not need. */
const noTools: ReplyContext = {
  call: () => Promise.reject(new Error('expected an environment without tools')),
  cut: (text) => text,
  signal: new AbortController().signal,
};

/**
 * Runs an oracle on a bandit problem in its environment, and yields one example per turn (algorithm distillation,
 * EVOLvE, arXiv 2410.06238). The prompts are those that a policy reads at the same turn.
 *
 * @param environment from `openBandit`, with the form `chat`. @param seed seed for the rewards and for the oracle's own
 * draws.
 * @throws DataError if the form is `inline`, whose turns are not messages.
 */
export async function* oracleExamples(
  problem: Problem,
  environment: Environment,
  name: OracleName,
  seed: number,
): AsyncGenerator<OracleExample> {
  if (environment.roles.length === 0)
    throw new DataError(`${environment.name}: expected bandit({ form: 'chat' }), got the form inline`);
  const bandit = banditOf(problem);
  const oracle = createOracle(name, bandit);
  const rng = createRng(seed, 'oracle', name);
  const opening = await environment.start(problem, seed);
  let { state } = opening;
  let prompt: readonly Message[] = opening.prompt ?? problem.prompt;
  for (let turn = 0; ; turn++) {
    const context = contextAt(bandit, turn);
    const arm = oracle.choose(context, () => rng.next());
    const completion = String(arm + 1);
    yield { prompt, completion };
    const answered = await environment.reply(state, { text: completion, hasEnded: true }, noTools);
    if (answered.reward !== undefined) oracle.observe({ arm, reward: answered.reward, context });
    if (answered.reply.type !== 'messages') return;
    prompt = [...prompt, { role: 'assistant', content: completion }, ...answered.reply.messages];
    state = answered.state;
  }
}
