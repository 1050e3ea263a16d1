import { EngineError } from '../../core/errors.ts';
import type { RolloutGroup } from '../../core/rollout.ts';
import { mostExcess } from '../../runs/metrics/outcome-alerts.ts';
import { commonestAnswer, excessOf } from './commonest-answer.ts';
import type { Learned } from './learn.ts';

/*
 * Checks the health of a step: updates skipped for a non-finite gradient, and rollouts that could not be
 * judged. A skipped update does not end the run, because a resumed run would reach the same gradient again;
 * too many consecutive steps with skipped updates end it.
 */

/** Returns a message if a step skipped updates, else null. */
export function skippedNote(learned: Learned | null): string | null {
  if (learned === null || learned.skipped === 0) return null;
  const { made, skipped } = learned;
  return `${skipped} of ${skipped + made} updates skipped: the gradient was not finite; skipped updates leave the policy unchanged`;
}

/** Number of consecutive steps without a finite gradient after which a run ends. */
const maxStuckSteps = 5;

/**
 * Counts the consecutive steps, up to this one, that skipped all of their updates.
 *
 * @param before the count after the previous step.
 * @param learned null for a step with nothing to learn, which neither adds to the count nor resets it.
 * @throws EngineError at the fifth consecutive step.
 */
export function countStuck(before: number, step: number, learned: Learned | null): number {
  if (learned === null) return before;
  if (learned.made > 0) return 0;
  if (before + 1 < maxStuckSteps) return before + 1;
  throw new EngineError(
    `step ${step}: expected finite gradients, got none in the last ${maxStuckSteps} steps; the policy has not changed since ` +
      'and the last checkpoint is intact. A smaller learning rate usually helps.',
    { code: 'NON_FINITE', tryNext: 'gradus train <recipe> --set optimizer.learningRate=1e-6' },
  );
}

/** Minimum share of unjudged rollouts for a warning: such a run would finish but learn little. */
const unjudgedShare = 0.5;
const maxReasonLength = 300;

/** Returns a message if at least half of a step's rollouts could not be judged, else null. */
export function unjudgedNote(groups: readonly RolloutGroup[]): string | null {
  const verdicts = groups.flatMap(({ rollouts }) => rollouts.map(({ verdict }) => verdict));
  const unjudged = verdicts.filter(({ outcome }) => outcome === 'ungradable');
  if (unjudged.length === 0 || unjudged.length < unjudgedShare * verdicts.length) return null;
  const reason = unjudged[0]!.reason.slice(0, maxReasonLength);
  return `${unjudged.length} of ${verdicts.length} rollouts could not be judged and teach nothing, e.g. ${reason}`;
}

/** Returns a message if one family's rollouts give some answer far more often than it is correct, else null. */
export function collapsedNote(groups: readonly RolloutGroup[]): string | null {
  const found = commonestAnswer(groups);
  if (found === null || excessOf(found) <= mostExcess) return null;
  const { family, answer, share, goldShare } = found;
  const percent = (value: number): string => `${Math.round(100 * value)} %`;
  const shown = JSON.stringify(answer.slice(0, maxReasonLength));
  return `${percent(share)} of the answers in family "${family}" are ${shown}, right for ${percent(goldShare)} of its problems`;
}
