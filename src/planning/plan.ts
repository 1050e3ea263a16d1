import * as z from 'zod';
import { plus } from './range.ts';

const range = z.strictObject({ low: z.number(), expected: z.number(), high: z.number() });

/** A part of a run: measuring, one stage, or all evaluations. */
const planPart = z.strictObject({
  kind: z.enum(['measuring', 'stage', 'evaluation']),
  /** Name of the stage; for other parts, the same as `kind`. */
  name: z.string(),
  /** Attempts at problems. */
  rollouts: range,
  /** Tokens that the policy writes. */
  tokens: range,
  /** Seconds of sampling and learning; absent if the speed is unknown. */
  seconds: range.optional(),
});

/**
 * Peak memory of the embedded engine beyond the empty runtime, in bytes: weights, optimizer, microbatches, keys and
 * values, threads. Excludes the data of the run and verifiers.
 */
const planMemory = z.strictObject({
  /** Absent if one sequence does not fit the budget. */
  bytes: z.number().optional(),
  /** The engine's setting `memoryBudget`. */
  budget: z.number(),
  /** Length of the longest assumed sequence, in tokens. */
  positions: z.number(),
  /** Why training does not fit, and a budget that would suffice. */
  problem: z.string().optional(),
  /** Assignments for `--set`, each of which makes training fit according to the engine's own memory model. */
  changes: z.array(z.string()).optional(),
});

/** Cost of a run, computed from the price per hour. */
const planCost = z.strictObject({ currency: z.string(), perHour: z.number(), total: range });

/**
 * Forecast of a run before it begins. Assumes that every stage makes all its `maxSteps`: a stage that an exit rule ends
 * early may fall below the low end.
 */
export const planSchema = z.strictObject({
  parts: z.array(planPart),
  /** Source of the rollout length. Absent if the length is unknown; the limit is then assumed. */
  lengthFrom: z.string().optional(),
  /** Source of the speed; absent if it is unknown. */
  speedFrom: z.string().optional(),
  /** Absent if the engine does not forecast its memory. */
  memory: planMemory.optional(),
  /** Machines and devices used for training and sampling; absent if the engine runs in this process. */
  placement: z.string().optional(),
  cost: planCost.optional(),
  /** Parts of the recipe that the plan omits. */
  omitted: z.array(z.string()),
});

/** See {@link planSchema}. */
export type RunPlan = z.infer<typeof planSchema>;
/** One part of a {@link RunPlan}. */
export type PlanPart = RunPlan['parts'][number];

/** Adds two parts under the name of the first; omits the time if a part has no time. */
export function addParts({ seconds, ...a }: PlanPart, b: PlanPart): PlanPart {
  const added = { ...a, rollouts: plus(a.rollouts, b.rollouts), tokens: plus(a.tokens, b.tokens) };
  return seconds === undefined || b.seconds === undefined
    ? added
    : { ...added, seconds: plus(seconds, b.seconds) };
}

/** Adds all parts; `seconds` is absent if the speed is unknown. */
export const totalOf = ({ parts }: Pick<RunPlan, 'parts'>): PlanPart | undefined =>
  parts.length === 0 ? undefined : parts.reduce(addParts);
