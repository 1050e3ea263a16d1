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

/** Trials of one problem at one time. */
export interface Visit extends Trials {
  /** In whatever unit the drift is to be in, e.g. optimizer steps. */
  readonly time: number;
}

/** Problems looked at to learn how fast pass rates move. */
const fewEnough = 200;
const volatilities = [0.02, 0.05, 0.12, 0.25, 0.5];
const trends = [0, 0.01, 0.03, 0.07, 0.15];

/**
 * Learns how fast pass rates move from problems that were tried more than once: of a grid of drifts the one that foresees
 * later visits best. Without such problems the defaults.
 *
 * @param start belief about a problem never tried.
 * @param visits by problem, each list in order of time.
 */
export function fitDrift(start: RateBelief, visits: readonly (readonly Visit[])[]): DriftModel {
  const told = visits.filter((one) => one.length > 1);
  const some = told.filter((_, i) => i % Math.ceil(told.length / fewEnough) === 0);
  const usual = driftConfig.parse({});
  const drifts = volatilities.flatMap((volatility) =>
    trends.map((trend) => ({ ...usual, volatility, trend })),
  );
  const candidates: readonly Drift[] = some.length === 0 ? [usual] : drifts;
  const models = candidates.map((drift) => createDriftModel(drift, start));
  const losses = models.map((model) => some.reduce((sum, one) => sum + lossOf(model, one), 0));
  return models[losses.indexOf(Math.min(...losses))]!;
}

/** What is believed at `time`, after all visits. */
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

/** Ages a twentieth apart are one: each distinct age costs a matrix. */
const coarse = (age: number): number =>
  age <= 16 ? age : Math.round(1.05 ** Math.round(Math.log(age) / Math.log(1.05)));
