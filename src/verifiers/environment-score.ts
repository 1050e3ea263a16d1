import * as z from 'zod';
import { noun } from '../core/config-builder.ts';
import { environmentReward } from '../core/rollout.ts';
import { hashKey } from '../core/rng.ts';
import type { Transcript } from '../core/transcript.ts';
import type { Verdict } from '../core/verdict.ts';
import type { Verifier } from './verifier.ts';

/** Judges an attempt by the sum of the rewards that its environment gave. */
export const environmentScoreConfig = z.strictObject({
  type: z.literal('environment-score'),
  /** Worst and best sum of an attempt's rewards. The score is the attempt's sum, scaled from this range to 0 … 1. */
  rewards: z
    .tuple([z.number(), z.number()])
    .refine(([worst, best]) => worst < best, { error: 'expected the worst sum, then a higher best one' })
    .default([0, 1]),
  /** Lowest sum that counts as correct. Default: the best sum. */
  correctFrom: z.number().optional(),
});
type EnvironmentScoreConfig = z.output<typeof environmentScoreConfig>;

/** Creates the recipe entry for judging by the environment's own rewards, e.g. `openEnv()` and `verifiersEnv()`. */
export const environmentScore = noun(environmentScoreConfig);

/** Opens the verifier, which needs no resources. */
export function openEnvironmentScore(config: EnvironmentScoreConfig): Verifier {
  const version = `1-${hashKey(JSON.stringify(config)).toString(36)}`;
  return {
    name: 'environment-score',
    version,
    check: () => {},
    verify: (_problem, _completion, _signal, attempt) =>
      Promise.resolve({ ...judge(attempt, config), verifier: `environment-score@${version}` }),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

function judge(
  attempt: Transcript | undefined,
  { rewards: [worst, best], correctFrom = best }: EnvironmentScoreConfig,
): Omit<Verdict, 'verifier'> {
  const given = attempt?.written.filter(({ reward }) => reward !== undefined).length ?? 0;
  if (attempt === undefined || given === 0)
    return {
      outcome: 'unparsed',
      score: 0,
      reason: 'the attempt ended before its environment gave a reward',
    };
  const sum = environmentReward({ transcripts: [attempt] });
  const evidence = { sum, rewards: given };
  return {
    outcome: sum >= correctFrom ? 'correct' : 'incorrect',
    score: Math.min(1, Math.max(0, (sum - worst) / (best - worst))),
    reason: `the environment's rewards sum to ${sum}; expected at least ${correctFrom}`,
    evidence,
  };
}
