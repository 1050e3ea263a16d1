import type { Rollout } from '../core/rollout.ts';

/**
 * Records attempts in the event-loop turn in which they are judged, so that an interruption loses only unjudged
 * attempts. Attempts judged in the same turn are written together. After a failed write, `add` throws the error of that
 * write.
 *
 * @example
 * const recorder = recordAsJudged((rollouts) => store.write(rollouts));
 * await rollAll({ ...parts, onRollout: recorder.add }, request).finally(recorder.flush);
 */
export function recordAsJudged(write: (rollouts: readonly Rollout[]) => void): {
  readonly add: (rollout: Rollout) => void;
  readonly flush: () => void;
} {
  const waiting: Rollout[] = [];
  let failed: { readonly error: unknown } | null = null;
  const flush = (): void => {
    if (waiting.length === 0) return;
    try {
      write(waiting.splice(0));
    } catch (error) {
      failed = { error };
    }
  };
  return {
    flush,
    add: (rollout) => {
      if (failed !== null) throw failed.error;
      if (waiting.length === 0) setImmediate(flush);
      waiting.push(rollout);
    },
  };
}
