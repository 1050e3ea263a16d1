import type { ScoredGroup } from '../../algorithms/scored-group.ts';
import type { Algorithm } from '../../algorithms/settings.ts';
import { buildTrainingBatch } from '../../algorithms/training-batch.ts';
import type { LossSpec } from '../../core/loss-spec.ts';
import { noiseParts, type NoiseParts } from '../../curriculum/worth/critical-batch.ts';
import type { Learner } from '../../engines/engine.ts';

/**
 * Number of early steps; the measuring interval during these steps, short enough for an estimate after twenty steps;
 * and the later interval.
 */
const [earlySteps, earlyEvery, every] = [20, 5, 100];

/**
 * Returns whether a step measures the noise of its gradient: every fifth of the first twenty steps, then every
 * hundredth. A measurement computes the gradients of the live groups once more, which costs 0.5 % of a long run that
 * spends half of its time on learning.
 */
export function isNoiseStep(step: number): boolean {
  return step % (step <= earlySteps ? earlyEvery : every) === 0;
}

/** The update whose noise is measured. */
export interface MeasuredUpdate {
  readonly learner: Pick<Learner, 'gradientNorm'>;
  /** All groups of the update, because the normaliser of the loss also counts groups without a signal. */
  readonly groups: readonly ScoredGroup[];
  readonly algorithm: Algorithm;
  readonly maxTokens: number;
  readonly spec: LossSpec;
  /** True if no update follows; the norm of the complete gradient is then also measured here. */
  readonly isProbe?: boolean;
}

/**
 * Measures the gradient norms of two halves of an update's live groups, before the update. Omits KL and
 * entropy terms, because their noise does not come from rewards.
 *
 * @returns a function from the update's own gradient norm to noise and signal; null if the engine cannot measure or
 * fewer than two groups are live. The function returns null for a non-finite norm.
 */
export async function measureNoise(
  update: MeasuredUpdate,
): Promise<((gradNorm: number) => NoiseParts | null) | null> {
  const { learner, groups, algorithm, maxTokens, spec, isProbe = false } = update;
  const live = groups.filter((group) => !group.isZeroAdvantage);
  if (learner.gradientNorm === undefined || live.length < 2) return null;
  const rewardSpec = { ...spec, kl: null, entropy: null };
  const normOf = async (some: readonly ScoredGroup[]): Promise<number> => {
    const chosen = new Set(some);
    const only = (group: ScoredGroup): boolean => chosen.has(group);
    return await learner.gradientNorm!(
      buildTrainingBatch(groups, algorithm, { maxTokens, only }),
      rewardSpec,
    );
  };
  const halves = [0, 1].map((half) => live.filter((_, index) => index % 2 === half));
  const norms: [number, number] = [await normOf(halves[0]!), await normOf(halves[1]!)];
  const isOther = isProbe || spec.kl !== null || spec.entropy !== null;
  const whole = isOther ? await normOf(live) : null;
  return (gradNorm) => {
    const wholeNorm = whole ?? gradNorm;
    if (![...norms, wholeNorm].every(Number.isFinite)) return null;
    return noiseParts({ groups: [halves[0]!.length, halves[1]!.length], norms, wholeNorm });
  };
}
