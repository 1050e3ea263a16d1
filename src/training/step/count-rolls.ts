import type { RolloutParts } from '../../rollout/roll-groups.ts';
import type { TrainingContext } from '../training-context.ts';
import type { LiveStage } from './collect-batch.ts';

/** Returns the parts that roll out the batch of a step and report an event for each judged rollout. */
export function countingRolls(
  context: TrainingContext,
  { settings }: Pick<LiveStage, 'settings'>,
): (step: number) => RolloutParts {
  const asked = settings.problemsPerStep * settings.groupSize;
  const counts = new Map<number, number>();
  return (step) => ({
    ...context,
    onRollout: () => {
      const done = (counts.get(step) ?? 0) + 1;
      counts.set(step, done);
      context.report({ type: 'roll', step, done, total: Math.max(asked, done) });
    },
  });
}
