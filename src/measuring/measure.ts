import type * as z from 'zod';
import { RunError } from '../core/errors.ts';
import type { Problem } from '../core/problem.ts';
import { hashKey } from '../core/rng.ts';
import type { Rollout, RolloutGroup } from '../core/rollout.ts';
import {
  type passRateConfig,
  planProbes,
  type AttemptBatch,
  type AttemptPlan,
} from '../difficulty/probing/pass-rate.ts';
import type { ProblemFeatures } from '../difficulty/probing/feature-table.ts';
import { type AttemptSource, encodeSource } from '../difficulty/pass-rates/attempt-source.ts';
import type {
  Conditions,
  PassRateStore,
  RecordedPassRates,
  SamplingConditions,
} from '../difficulty/pass-rates/pass-rate-store.ts';
import { noTrials, type PassRates, type Trials } from '../difficulty/pass-rates/trials.ts';
import { recordAsJudged } from '../rollout/record-as-judged.ts';
import { rollAll, type RolloutParts } from '../rollout/roll-groups.ts';
import { editionsOf, judgementLabel, observationOf } from './observation.ts';

/** Engine and verifiers for measuring, and the store that records the attempts. */
export interface MeasureParts extends RolloutParts {
  readonly store: PassRateStore;
}

/** A measurement: problems, settings and weights. */
export interface MeasureRequest {
  readonly problems: readonly Problem[];
  readonly settings: z.output<typeof passRateConfig>;
  /** Identifies the weights: a model hash, or a run and its policy version. */
  readonly model: string;
  /** Result of `templateOf`. */
  readonly template?: string;
  /** Why attempts are made. Together with `step`, distinguishes the measurements of one model. */
  readonly source: AttemptSource;
  /** Number of steps the policy has been trained for. */
  readonly step: number;
  readonly seed: number;
  /** Features by problem id; adaptive probing groups problems by them. */
  readonly features?: ReadonlyMap<string, ProblemFeatures>;
  /** Plans the next attempts; replaces the plan from the settings. */
  readonly plan?: (ids: readonly string[], recorded: RecordedPassRates) => AttemptPlan;
  /** True if all attempts must already be recorded, because the weights no longer exist. */
  readonly isComplete?: boolean;
  /** Called with each plan before its attempts are made; the last plan, which ends the measurement, is empty. */
  readonly onPlan?: (plan: AttemptPlan, verifier: string) => void;
  readonly onProgress?: (done: number, total: number) => void;
}

/** Maximum number of problems per request to the engine. */
const chunkProblems = 256;

/**
 * Measures pass rates: makes the planned attempts, records them, and plans again until nothing is missing. Recorded
 * attempts are never repeated, so an interrupted measurement continues where it stopped and ends with the same result.
 *
 * @returns trials by problem id.
 */
export async function measurePassRates(
  parts: MeasureParts,
  request: MeasureRequest,
  signal?: AbortSignal,
): Promise<PassRates> {
  const passRates = new Map<string, Trials>();
  const perVerifier = Map.groupBy(request.problems, (problem) => judgementLabel(parts, problem));
  for (const [verifier, problems] of perVerifier) {
    const { model, template, settings } = request;
    const named = { model, ...(template === undefined ? {} : { template }) };
    const conditions = { ...named, ...samplingOf(settings), verifier };
    const measured = await measureUnder(conditions, parts, { ...request, problems }, signal);
    for (const [id, trials] of measured) passRates.set(id, trials);
  }
  return passRates;
}

async function measureUnder(
  conditions: Conditions,
  parts: MeasureParts,
  request: MeasureRequest,
  signal: AbortSignal | undefined,
): Promise<PassRates> {
  const { store } = parts;
  const { problems, settings, source, step } = request;
  const byId = new Map(problems.map((problem) => [problem.id, problem]));
  const editions = editionsOf(problems);
  const record = (rollouts: readonly Rollout[]): void => {
    const observed = rollouts.map((one) => observationOf(one, editions.get(one.problemId)!, request));
    store.record(conditions, observed);
  };
  for (;;) {
    const recorded = store.passRates(conditions, { source, step, editions });
    const ids = [...byId.keys()];
    const plan = request.plan?.(ids, recorded) ?? planProbes(settings, ids, recorded, request.features);
    request.onPlan?.(plan, conditions.verifier);
    if (plan.batches.length === 0) return passRatesOf(ids, recorded);
    if (request.isComplete === true) throw missingRecord(plan, conditions);
    let done = 0;
    for (const chunk of plan.batches.flatMap(chunksOf)) {
      const recorder = recordAsJudged(record);
      const judging = rollChunk({ ...parts, onRollout: recorder.add }, request, chunk, byId, signal);
      const groups = await judging.finally(recorder.flush);
      // Record all again: `onRollout` is not called for missing completions, and recording is idempotent.
      record(groups.flatMap(({ rollouts }) => rollouts));
      done += groups.length * chunk.rollouts;
      request.onProgress?.(done, plan.rollouts);
    }
  }
}

function missingRecord(
  { rollouts }: AttemptPlan,
  { verifier, maxTokens, temperature }: Conditions,
): RunError {
  return new RunError(
    `expected the base model's pass rates on record, found ${rollouts} rollouts missing (verifier ${verifier}, ` +
      `temperature ${temperature}, ${maxTokens} tokens); the base model is no longer available to make them. ` +
      'A verifier, its module or pass-rates.sqlite has changed since the run began.',
    { code: 'RUN_MEASUREMENT_LOST', tryNext: 'gradus train <recipe>' },
  );
}

function rollChunk(
  parts: RolloutParts,
  { settings, source, seed }: MeasureRequest,
  { problemIds, firstIndex, rollouts }: AttemptBatch,
  byId: ReadonlyMap<string, Problem>,
  signal: AbortSignal | undefined,
): Promise<RolloutGroup[]> {
  const problems = problemIds.map((id) => byId.get(id)!);
  const request = { problems, firstIndex, rollouts, ...samplingOf(settings) };
  // The source differs at each boundary, so the random numbers need not depend on the step.
  return rollAll(parts, { ...request, seed: hashKey(seed, 'measure', encodeSource(source), 0) }, signal);
}

/** Returns only the sampling settings of an object. */
export const samplingOf = ({
  temperature,
  topP,
  topK,
  stop,
  maxTokens,
}: SamplingConditions): SamplingConditions => ({ temperature, topP, topK, stop, maxTokens });

function chunksOf(batch: AttemptBatch): AttemptBatch[] {
  const count = Math.ceil(batch.problemIds.length / chunkProblems);
  return Array.from({ length: count }, (_, i) => ({
    ...batch,
    problemIds: batch.problemIds.slice(i * chunkProblems, (i + 1) * chunkProblems),
  }));
}

function passRatesOf(ids: readonly string[], recorded: RecordedPassRates): PassRates {
  return new Map(
    ids.map((id) => {
      const { successes, trials } = recorded.get(id) ?? noTrials;
      return [id, { successes, trials }];
    }),
  );
}
