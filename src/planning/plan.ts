import * as z from 'zod';
import { plus } from './range.ts';

const range = z.strictObject({ low: z.number(), expected: z.number(), high: z.number() });

/** A part of a run: measuring, one stage, or all evaluations. */
const planPart = z.strictObject({
  kind: z.enum(['measuring', 'stage', 'evaluation']),
  /** Name of the stage; of other parts the kind. */
  name: z.string(),
  /** Attempts at problems. */
  rollouts: range,
  /** Tokens that the policy writes. */
  tokens: range,
  /** Sampling and learning; absent: no earlier run shows the speed. */
  seconds: range.optional(),
});

/** Memory of weights, optimizer and microbatches, in bytes; the process also samples, within the budget. */
const planMemory = z.strictObject({
  /** Absent: one sequence does not fit the budget. */
  bytes: z.number().optional(),
  /** Setting `memoryBudget` of the engine. */
  budget: z.number(),
  /** Longest sequence that was assumed, in tokens. */
  positions: z.number(),
  /** Why it does not fit, with the budget that does. */
  problem: z.string().optional(),
  /** Assignments for `--set`, each of which makes it fit by the engine's own memory model. */
  changes: z.array(z.string()).optional(),
});

/** Cost of a run from the price of an hour. */
const planCost = z.strictObject({ currency: z.string(), perHour: z.number(), total: range });

/**
 * Forecast of a run before it begins. Stages may end early by their exit rule; the low end then covers only the
 * steps that are made.
 */
export const planSchema = z.strictObject({
  parts: z.array(planPart),
  /** Where the length of a rollout is from; absent: unknown, so that every rollout is counted with its limit. */
  lengthFrom: z.string().optional(),
  /** Where the speed is from; absent: unknown. */
  speedFrom: z.string().optional(),
  /** Absent: the engine does not forecast its memory. */
  memory: planMemory.optional(),
  /** Machines and devices of training and sampling; absent: the engine runs in this process. */
  placement: z.string().optional(),
  cost: planCost.optional(),
  /** Parts of the recipe that the plan leaves out. */
  omitted: z.array(z.string()),
});

/** See {@link planSchema}. */
export type RunPlan = z.infer<typeof planSchema>;
/** One part of a {@link RunPlan}. */
export type PlanPart = RunPlan['parts'][number];

/** Adds two parts under the name of the first; without the time if one has none. */
export function addParts({ seconds, ...a }: PlanPart, b: PlanPart): PlanPart {
  const added = { ...a, rollouts: plus(a.rollouts, b.rollouts), tokens: plus(a.tokens, b.tokens) };
  return seconds === undefined || b.seconds === undefined
    ? added
    : { ...added, seconds: plus(seconds, b.seconds) };
}

/** Adds all parts; `seconds` is absent if the speed is unknown. */
export const totalOf = ({ parts }: Pick<RunPlan, 'parts'>): PlanPart | undefined =>
  parts.length === 0 ? undefined : parts.reduce(addParts);
