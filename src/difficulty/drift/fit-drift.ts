import {
  createDriftModel,
  type Drift,
  type DriftModel,
  driftConfig,
  observed,
  predicted,
  type RateBelief,
} from './drift.ts';
import type { Trials } from '../pass-rates/trials.ts';

/** Trials at one problem at one point in time. */
export interface Visit extends Trials {
  /** Time in the unit of the drift, e.g. training steps. */
  readonly time: number;
}

/** Maximum number of problems in the fit: each costs one filtering pass per candidate drift. */
const mostProblems = 200;
const volatilities = [0.02, 0.05, 0.12, 0.25, 0.5];
const trends = [0, 0.01, 0.03, 0.07, 0.15];

/**
 * Fits the drift to problems with several visits: chooses from a grid of drifts the one that predicts later visits
 * best. Returns the default drift if no problem has several visits.
 *
 * @param start belief about a problem without trials. @param visits the visits to each problem, in order of time.
 */
export function fitDrift(start: RateBelief, visits: readonly (readonly Visit[])[]): DriftModel {
  const repeated = visits.filter((one) => one.length > 1);
  const some = repeated.filter((_, i) => i % Math.ceil(repeated.length / mostProblems) === 0);
  const usual = driftConfig.parse({});
  const drifts = volatilities.flatMap((volatility) =>
    trends.map((trend) => ({ ...usual, volatility, trend })),
  );
  const candidates: readonly Drift[] = some.length === 0 ? [usual] : drifts;
  const models = candidates.map((drift) => createDriftModel(drift, start));
  const losses = models.map((model) => some.reduce((sum, one) => sum + lossOf(model, one), 0));
  return models[losses.indexOf(Math.min(...losses))]!;
}

/** Returns the belief at `time`, which must not be earlier than the last visit. */
export function believeAt(model: DriftModel, visits: readonly Visit[], time: number): RateBelief {
  let belief = model.start;
  let last = visits[0]?.time ?? time;
  for (const visit of visits) {
    belief = observed(model.aged(belief, coarse(visit.time - last)), visit.successes, visit.trials);
    last = visit.time;
  }
  return model.aged(belief, coarse(time - last));
}

function lossOf(model: DriftModel, visits: readonly Visit[]): number {
  let loss = 0;
  for (let i = 1; i < visits.length; i++) {
    const { time, successes, trials } = visits[i]!;
    const chance = predicted(believeAt(model, visits.slice(0, i), time), trials)[successes]!;
    loss -= Math.log(Math.max(1e-12, chance));
  }
  return loss;
}

/** Rounds elapsed times above 16 to steps of 5 %, because each distinct time needs a separate matrix. */
const coarse = (age: number): number =>
  age <= 16 ? age : Math.round(1.05 ** Math.round(Math.log(age) / Math.log(1.05)));
