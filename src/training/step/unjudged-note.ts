import type { RolloutGroup } from '../../core/rollout.ts';

const worthSaying = 0.5;
const maxReason = 300;

/** A sentence where half of a step's rollouts or more could not be judged: such a run ends well and has learned little. */
export function unjudgedNote(groups: readonly RolloutGroup[]): string | null {
  const verdicts = groups.flatMap(({ rollouts }) => rollouts.map(({ verdict }) => verdict));
  const unjudged = verdicts.filter(({ outcome }) => outcome === 'ungradable');
  if (unjudged.length === 0 || unjudged.length < worthSaying * verdicts.length) return null;
  const reason = unjudged[0]!.reason.slice(0, maxReason);
  return `${unjudged.length} of ${verdicts.length} rollouts could not be judged and teach nothing, e.g. ${reason}`;
}
