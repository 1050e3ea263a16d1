import * as z from 'zod';
import { hashKey } from '../core/rng.ts';
import type { Verdict } from '../core/verdict.ts';
import { openSingle, singleVerifierConfig } from './single.ts';
import { type Verifier, verifierLabel } from './verifier.ts';

/**
 * Several verifiers as one. The score is the weighted mean of the parts' scores. The outcome is decided by the parts that
 * `decides`: `correct` when all of them say so, else what the first says that does not. Where any part is
 * `ungradable`, so is the whole: half a judgement is none.
 */
export const compositeConfig = z.strictObject({
  type: z.literal('composite'),
  parts: z
    .array(
      z.strictObject({
        verifier: singleVerifierConfig,
        /** Relative to the other weights. */
        weight: z.number().positive().default(1),
        /** False: it counts for the score alone. Pass rates are about outcomes, so a mere matter of form should not decide. */
        decides: z.boolean().default(true),
      }),
    )
    .min(1)
    .refine((parts) => parts.some(({ decides }) => decides), {
      error: 'expected at least one part that decides the outcome',
    }),
});
type CompositeConfig = z.output<typeof compositeConfig>;

/**
 * Recipe noun for a weighted combination; learn from it with `scoreReward()`.
 *
 * @example
 * composite([{ verifier: mathAnswer(), weight: 9 }, { verifier: format(), weight: 1, decides: false }]);
 */
export const composite = (
  parts: z.input<typeof compositeConfig>['parts'],
): z.input<typeof compositeConfig> => ({ type: 'composite', parts });

interface OpenPart {
  readonly verifier: Verifier;
  readonly weight: number;
  readonly decides: boolean;
}

/** Opens every part; disposing of the whole disposes of them. */
export function openComposite({ parts }: CompositeConfig, baseDir: string): Verifier {
  const open = parts.map((part) => ({ ...part, verifier: openSingle(part.verifier, baseDir) }));
  const labels = open.map(
    ({ verifier, weight, decides }) => `${verifierLabel(verifier)} ${weight} ${decides}`,
  );
  const version = `1-${hashKey(...labels).toString(36)}`;
  return {
    name: 'composite',
    version,
    check: (problem) => {
      for (const { verifier } of open) verifier.check(problem);
    },
    verify: async (problem, completion, signal) => {
      const judging = open.map(({ verifier }) => verifier.verify(problem, completion, signal));
      return { ...combine(open, await Promise.all(judging)), verifier: `composite@${version}` };
    },
    [Symbol.asyncDispose]: async () => {
      await Promise.all(open.map(({ verifier }) => verifier[Symbol.asyncDispose]()));
    },
  };
}

function combine(parts: readonly OpenPart[], verdicts: readonly Verdict[]): Omit<Verdict, 'verifier'> {
  const total = parts.reduce((sum, { weight }) => sum + weight, 0);
  const score = parts.reduce((sum, { weight }, i) => sum + weight * verdicts[i]!.score, 0) / total;
  const deciding = verdicts.filter((_, i) => parts[i]!.decides);
  const ungradable = verdicts.find(({ outcome }) => outcome === 'ungradable');
  const decider = ungradable ?? deciding.find(({ outcome }) => outcome !== 'correct') ?? deciding[0]!;
  return {
    outcome: decider.outcome,
    score: ungradable === undefined ? Math.min(score, 1) : 0,
    reason: verdicts.map(({ verifier, reason }) => `${verifier.split('@', 1)[0]}: ${reason}`).join('; '),
    evidence: {
      // The answer a completion gives is that of its first deciding part.
      ...deciding[0]!.evidence,
      parts: verdicts.map((verdict, i) => ({ weight: parts[i]!.weight, ...verdict })),
    },
  };
}
