import { EngineError } from '../../core/errors.ts';
import type { Metrics } from './step-metrics.ts';

/*
 * An update whose gradient is not finite is left out, and the run goes on: one that ended would meet the same gradient
 * again when it is resumed. What is told of such updates, and when they are too many.
 */

/** A sentence where a step left updates out. */
export function skippedNote({
  'optim/skippedUpdates': skipped = 0,
  'optim/updates': made = 0,
}: Metrics): string | null {
  if (skipped === 0) return null;
  return `${skipped} of ${skipped + made} updates left out: the gradient was not finite, and the policy stays as it was before`;
}

/** So many steps in a row without a finite gradient are no accident. */
const mostStuckSteps = 5;

/**
 * How many steps up to this one, in a row, left all of their updates out.
 *
 * @param learned what `learnFrom` gave; a step that held nothing to learn neither adds nor ends.
 * @throws EngineError when the policy has not moved for too long.
 */
export function countStuck(before: number, step: number, learned: Metrics | null): number {
  if (learned === null) return before;
  if (learned['optim/updates']! > 0) return 0;
  if (before + 1 < mostStuckSteps) return before + 1;
  throw new EngineError(
    `step ${step}: expected finite gradients, got none in the last ${mostStuckSteps} steps; the policy has not changed in them ` +
      'and the last checkpoint is intact. A smaller learning rate usually helps.',
    { code: 'NON_FINITE', tryNext: 'gradus train <recipe> --set optimizer.learningRate=1e-6' },
  );
}
