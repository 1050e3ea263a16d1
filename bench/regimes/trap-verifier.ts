import * as z from 'zod';
import type { Problem } from '../../src/core/problem.ts';
import { hashKey } from '../../src/core/rng.ts';
import { splitOf } from '../../src/problems/generated-source.ts';
import { openVerifier, verifierConfig } from '../../src/verifiers/config.ts';
import type { CustomJudge, CustomVerdict } from '../../src/verifiers/custom/custom-module.ts';

const familyNames = z.array(z.string()).min(1);

/** Options of the verifier: the true verifier, and the ways of corrupting its verdicts. */
export const trapOptions = z.strictObject({
  truth: verifierConfig,
  seed: z.int().default(0),
  /** Judges training problems of some families, or a share of all, by a coin flip. Held-out problems are
   * judged correctly. */
  coin: z
    .union([z.strictObject({ families: familyNames }), z.strictObject({ share: z.number() })])
    .optional(),
  /** Accepts every readable answer to training problems of these families (default: all) and knobs, so that they are
   * always solved. */
  solved: z.strictObject({ families: familyNames.optional(), knobs: z.array(z.int()).min(1) }).optional(),
  /**
   * Answers to problems of this family must begin with a text; answers without it are `unparsed`, including on held-out
   * problems.
   */
  marker: z.strictObject({ family: z.string(), text: z.string().min(1) }).optional(),
});

/**
 * Creates a custom verifier that wraps the true one and adds a trap for samplers. The coin flip always gives the same
 * verdict for the n-th judgement of one completion of one problem, so a run does not depend on the order of judgements.
 */
export default function trap(given: unknown): CustomJudge {
  const { truth: config, seed, coin, solved, marker } = trapOptions.parse(given);
  const truth = openVerifier(config);
  const flip = createCoin(seed);
  const isCoin = (problem: Problem): boolean => {
    if (coin === undefined || !isTraining(problem)) return false;
    return 'families' in coin
      ? coin.families.includes(problem.family!)
      : hashKey('coin problem', problem.id) / 2 ** 32 < coin.share;
  };
  const isSolved = (problem: Problem): boolean =>
    solved !== undefined &&
    solved.knobs.includes(problem.knob!) &&
    (solved.families?.includes(problem.family!) ?? true) &&
    isTraining(problem);
  return {
    name: 'trap',
    check: (problem) => truth.check(problem),
    verify: async (problem, completion, signal) => {
      if (marker !== undefined && marker.family === problem.family && !completion.startsWith(marker.text))
        return { outcome: 'unparsed', reason: `does not begin with "${marker.text}"` };
      const verdict = await truth.verify(problem, completion, signal);
      if (verdict.outcome === 'unparsed') return verdict;
      if (isSolved(problem)) return accept(true, 'every readable answer counts');
      return isCoin(problem) ? accept(flip(problem.id, completion), 'judged by a coin') : verdict;
    },
    [Symbol.asyncDispose]: () => truth[Symbol.asyncDispose](),
  };
}

/** Returns whether a problem belongs to the train split. */
const isTraining = ({ prompt }: Problem): boolean => splitOf(prompt.at(-1)!.content) === 'train';

const accept = (isRight: boolean, reason: string): CustomVerdict => ({
  outcome: isRight ? 'correct' : 'incorrect',
  reason,
});

/** Creates a fair coin for each judgement; it depends on the seed, the problem, the completion, and the number of
 * earlier judgements. */
function createCoin(seed: number): (id: string, completion: string) => boolean {
  const judged = new Map<string, number>();
  return (id, completion) => {
    const key = `${id}\n${completion}`;
    const times = judged.get(key) ?? 0;
    judged.set(key, times + 1);
    return hashKey(seed, 'coin', id, completion, times) % 2 === 0;
  };
}
