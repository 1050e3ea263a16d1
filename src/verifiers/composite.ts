import * as z from 'zod';
import { hashKey } from '../core/rng.ts';
import type { Verdict } from '../core/verdict.ts';
import { openSingle, singleVerifierConfig } from './open-single-verifier.ts';
import { type Verifier, verifierLabel } from './verifier.ts';

/**
 * Combines several verifiers. The score is the weighted mean of the parts' scores. Parts with `decides` decide the
 * outcome: `correct` if all of them are correct, otherwise the outcome of the first that is not. If any part is
 * `ungradable`, the combined verdict is `ungradable` with score 0.
 */
export const compositeConfig = z.strictObject({
  type: z.literal('composite'),
  parts: z
    .array(
      z.strictObject({
        /** Name by which a reward refers to the part's score; see `partsReward()`. */
        name: z.string().min(1).optional(),
        verifier: singleVerifierConfig,
        /** Weight relative to the other parts. */
        weight: z.number().positive().default(1),
        /**
         * If false, the part counts only towards the score. Pass rates count outcomes, so the format alone should not
         * decide.
         */
        decides: z.boolean().default(true),
      }),
    )
    .min(1)
    .refine((parts) => parts.some(({ decides }) => decides), {
      error: 'expected at least one part that decides the outcome',
    })
    .refine((parts) => new Set(namesOf(parts)).size === namesOf(parts).length, {
      error: 'expected distinct names of parts',
    }),
});
type CompositeConfig = z.output<typeof compositeConfig>;

/** Returns the names of those parts that have a name. */
export const namesOf = (parts: readonly { readonly name?: string | undefined }[]): string[] =>
  parts.flatMap(({ name }) => name ?? []);

/**
 * Creates the recipe entry for a weighted combination of verifiers; train on its score with `scoreReward()`.
 *
 * @example
 * composite([{ verifier: mathAnswer(), weight: 9 }, { verifier: format(), weight: 1, decides: false }]);
 */
export const composite = (
  parts: z.input<typeof compositeConfig>['parts'],
): z.input<typeof compositeConfig> => ({ type: 'composite', parts });

interface OpenPart {
  readonly name?: string | undefined;
  readonly verifier: Verifier;
  readonly weight: number;
  readonly decides: boolean;
}

/** Opens every part; disposing of the composite disposes of its parts. */
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
    verify: async (problem, completion, signal, attempt) => {
      const judging = open.map(({ verifier }) => verifier.verify(problem, completion, signal, attempt));
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
      // A completion's answer is that of its first deciding part.
      ...deciding[0]!.evidence,
      parts: verdicts.map((verdict, i) => {
        const { name, weight } = parts[i]!;
        return { ...(name !== undefined && { name }), weight, ...verdict };
      }),
    },
  };
}
