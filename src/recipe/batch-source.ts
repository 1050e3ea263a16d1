import * as z from 'zod';
import { noun } from '../core/config-builder.ts';

const inStepConfig = z.strictObject({ type: z.literal('in-step') });

const aheadConfig = z.strictObject({
  type: z.literal('ahead'),
  /** Maximum number of steps between the policy that writes a rollout and the policy that learns from it. */
  maxOffPolicySteps: z.int().positive().default(1),
});

/** Source of a step's batch: rollouts of the step itself, or rollouts started in earlier steps. */
export const batchSourceConfig = z.discriminatedUnion('type', [inStepConfig, aheadConfig]);

/** A validated source. */
export type BatchSourceConfig = z.output<typeof batchSourceConfig>;

/** Rolls out each batch with the current policy, which then learns from it. */
export const inStep = noun(inStepConfig);

/**
 * Rolls out the next batches with a policy at most `maxOffPolicySteps` steps old, while the policy learns from a
 * batch. Truncated importance sampling corrects for the difference. Batches are used in the order in which they were
 * started, so a run depends only on its recipe and not on the clock.
 *
 * @example
 * batch: { problems: 128, groupSize: 16, source: ahead({ maxOffPolicySteps: 1 }) }
 */
export const ahead = noun(aheadConfig);
