import { editionOf } from '../../difficulty/pass-rates/pass-rate-store.ts';
import { judgementLabel, observationOf, templateOf } from '../../measuring/observation.ts';
import type { TrainingContext } from '../training-context.ts';
import { withEnvironments } from '../../rollout/roll-groups.ts';
import { samplingOf } from '../../measuring/measure.ts';
import type { LiveStage, RolledGroup } from '../step/collect-batch.ts';

/**
 * Adds the rollouts of a training step to the pass-rate store, where they serve as measurements without extra cost.
 * Idempotent: recording a step twice, as a resumed run does, changes nothing.
 */
export function observePassRates(
  context: TrainingContext,
  { settings }: LiveStage,
  groups: readonly RolledGroup[],
  step: number,
): void {
  const { store, engine } = context;
  const parts = withEnvironments(context, settings.config);
  const how = {
    model: engine.sampler.info.modelHash,
    ...templateOf(engine),
    ...samplingOf(settings.sampling),
  };
  const perVerifier = Map.groupBy(groups, ({ problem }) => judgementLabel(parts, problem));
  for (const [verifier, judged] of perVerifier) {
    const observations = judged.flatMap(({ problem, rollouts, offPolicySteps }) => {
      const edition = editionOf(problem);
      // The policy that wrote these rollouts had not yet learned from this step.
      const when = { source: { type: 'training' }, step: step - 1 - offPolicySteps } as const;
      // With ahead(), the same policy may attempt a problem for several steps: give later attempts the next indices.
      const firstIndex = offPolicySteps * settings.groupSize;
      return rollouts.map((rollout) =>
        observationOf({ ...rollout, index: firstIndex + rollout.index }, edition, when),
      );
    });
    store.record({ ...how, verifier }, observations);
  }
}
