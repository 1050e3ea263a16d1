import * as z from 'zod';
import type { Bandit } from '../core/bandit/bandit.ts';
import { noun } from '../core/config-builder.ts';
import type { Problem } from '../core/problem.ts';
import { createRng, type Rng } from '../core/rng.ts';
import { drawNormal } from '../statistics/ratio.ts';
import { withInstruction, instructionShape } from './instruction.ts';

/**
 * Bandit problems, for the environment `bandit()`, with the rewards of EVOLvE (arXiv 2410.06238):
 *
 * - `bernoulli`: rewards 0 or 1; the best arm pays 1 with probability 0.5 + gap/2, the others with 0.5 − gap/2;
 * - `gaussian`: means drawn from N(0, deviation²), noise with the same standard deviation;
 * - `contextual`: weights of arms and features of turns uniform in [−1, 1], noise with standard deviation `deviation`.
 */
export const banditsConfig = z.strictObject({
  type: z.literal('bandits'),
  rewards: z.enum(['bernoulli', 'gaussian', 'contextual']).default('bernoulli'),
  /** Number of problems. */
  count: z.int().min(1),
  arms: z.int().min(2).max(100).default(5),
  /** Number of turns per problem. */
  turns: z.int().min(1).default(100),
  /** `bernoulli`: difference between the success probabilities of the best arm and of the others. */
  gap: z.number().gt(0).max(1).default(0.2),
  /** Standard deviation of the noise; for `gaussian` also of the means. */
  deviation: z.number().positive().default(1),
  /** `contextual`: number of features per turn. */
  features: z.int().min(1).default(3),
  /** Domain of the problems; the recipe selects environment and verifier by it. */
  domain: z.string().min(1).default('bandit'),
  seed: z.int().default(0),
  split: z.enum(['train', 'validation', 'held-out']),
  ...instructionShape,
});
type BanditsConfig = z.output<typeof banditsConfig>;

/** Creates the recipe entry for bandit problems. */
export const bandits = noun(banditsConfig);

/** Draws the problems; different splits and seeds draw independently. */
export function* drawBandits(config: BanditsConfig): Generator<Problem> {
  const { count, rewards, arms, gap, deviation, turns, domain, seed, split } = config;
  const size = rewards === 'bernoulli' ? gap : deviation;
  const family = `${rewards}-${arms}-${size}`;
  const prompt = withInstruction([{ role: 'user', content: describe(config) }], config);
  for (let i = 0; i < count; i++) {
    const rng = createRng(seed, 'bandits', family, turns, split, i);
    const bandit = drawBandit(config, rng);
    const id = `bandit/${family}/${turns}/${split}/${seed}/${i}`;
    yield { id, domain, family, prompt, source: 'generated', extra: { bandit } };
  }
}

const describe = ({ arms, turns, rewards }: BanditsConfig): string =>
  `There are ${arms} arms, numbered 1 to ${arms}. Each of ${turns} turns, write the number of one arm; you then read its reward. ` +
  `Earn as much as you can in total.${rewards === 'contextual' ? ' Rewards depend on the features of the turn.' : ''}`;

function drawBandit({ rewards, arms, turns, gap, deviation, features }: BanditsConfig, rng: Rng): Bandit {
  const perArm = <Value>(draw: (arm: number) => Value): Value[] =>
    Array.from({ length: arms }, (_, arm) => draw(arm));
  switch (rewards) {
    case 'bernoulli': {
      const best = rng.integer(0, arms - 1);
      return { type: 'bernoulli', turns, means: perArm((arm) => 0.5 + (arm === best ? gap / 2 : -gap / 2)) };
    }
    case 'gaussian':
      return { type: 'gaussian', turns, means: perArm(() => deviation * drawNormal(rng)), deviation };
    case 'contextual':
      return {
        type: 'contextual',
        turns,
        weights: perArm(() => Array.from({ length: features }, () => 2 * rng.next() - 1)),
        deviation,
        contextSeed: rng.integer(0, 2 ** 31 - 1),
      };
  }
}
