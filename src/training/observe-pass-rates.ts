import type { ScoredGroup } from '../algorithms/scored-group.ts';
import { verifierLabel } from '../verifiers/verifier.ts';
import type { TrainingContext } from './parts.ts';
import { samplingOf } from './measure.ts';
import type { LiveStage } from './roll-batch.ts';

/**
 * Puts training's own rollouts into the pass-rate store: measurements that cost nothing. Recording a step twice, as a
 * resume does, changes nothing.
 */
export function observePassRates(
  { store, engine, verifierFor }: TrainingContext,
  { settings }: LiveStage,
  groups: readonly ScoredGroup[],
  step: number,
): void {
  const conditions = { model: engine.info.modelHash, ...samplingOf(settings.sampling) };
  const perVerifier = Map.groupBy(groups, ({ problem }) => verifierLabel(verifierFor(problem)));
  for (const [verifier, judged] of perVerifier) {
    const observations = judged.flatMap(({ problem, rollouts }) =>
      rollouts.map(({ index, verdict }) => ({
        problemId: problem.id,
        source: 'training',
        // The step that learns from these rollouts is not yet in the policy that wrote them.
        step: step - 1,
        rollout: index,
        outcome: verdict.outcome,
      })),
    );
    store.record({ ...conditions, verifier }, observations);
  }
}
