import { mean } from '../../statistics/summary.ts';
import { cutsOfRules } from './cuts-of-rules.ts';
import { type LevelRule, modelsOf } from './level-rules.ts';
import { createLevels, type LevelConfig, type Levels } from './levels.ts';
import { type LevelSubject, staysIn } from './evaluate-rule.ts';
import { type CellsOf, learnModel, type ObservedModel, observeModel } from './cell-odds.ts';
import { noTrials, type Prior, type Trials } from '../pass-rates/trials.ts';

/** Probability that each problem would be in each level after `horizon` attempts by every model. */
export interface LevelOdds {
  /** By level: for each subject in order, the probability that the level accepts it. */
  readonly odds: ReadonlyMap<string, Float64Array>;
  /**
   * By level: the standard deviation of the sum of its odds over resampled pools. It measures the error due to a
   * finite pool.
   */
  readonly bootstrapDeviation: ReadonlyMap<string, number>;
}

/**
 * Forecasts level membership. One record is often ambiguous: some problems that failed 4 of 4 attempts are sometimes
 * solved. The model's pass rates on all problems show how many. The pass rates of several models are assumed
 * independent given the records. See docs/algorithms/levels.md, (V4)–(V6).
 *
 * @param horizon number of attempts to which the levels refer; longer records are scaled down to it.
 */
export function levelOdds(
  configs: readonly LevelConfig[],
  prior: Prior,
  subjects: readonly LevelSubject[],
  horizon: number,
): LevelOdds {
  const levels = createLevels(
    configs.map((config) => ({ ...config, by: 'point' as const })),
    prior,
  );
  const rules = configs.map(({ rule }) => rule);
  const models = [...new Set(rules.flatMap(modelsOf))].flatMap((label) => {
    const records = subjects.flatMap(({ passRates }) => passRates[label] ?? []);
    return records.length === 0 ? [] : [observeModel(label, cutsOfRules(rules, label), horizon, records)];
  });
  const kinds = sortIntoKinds(models, rules.flatMap(thinsOf), subjects);
  const oddsOf = (redraw?: number) => {
    const learned = models.map((model) => ({ label: model.label, cellsOf: learnModel(model, redraw) }));
    return kinds.map(({ example }) => kindOdds(levels, learned, example));
  };
  const best = oddsOf();
  const redrawn = Array.from({ length: redraws }, (_, i) => oddsOf(i));
  const sumOver = (found: readonly Record<string, number>[], name: string): number =>
    found.reduce((sum, odds, kind) => sum + kinds[kind]!.members.length * (odds[name] ?? 0), 0);
  return {
    odds: new Map(levels.names.map((name) => [name, spread(kinds, best, name, subjects.length)])),
    bootstrapDeviation: new Map(
      levels.names.map((name) => [name, deviation(redrawn.map((found) => sumOver(found, name)))]),
    ),
  };
}

/**
 * Number of pools drawn by the Bayesian bootstrap; a standard deviation estimated from 20 has a standard error of 16 %.
 */
const redraws = 20;

/**
 * Problems that no rule can distinguish: they have the same domain and the same records, and the same `thin` rules keep
 * them.
 */
interface Kind {
  readonly example: LevelSubject;
  readonly members: number[];
}

function sortIntoKinds(
  models: readonly ObservedModel[],
  thins: readonly Thin[],
  subjects: readonly LevelSubject[],
): Kind[] {
  const kinds = new Map<string, Kind>();
  subjects.forEach((subject, i) => {
    const records = models.map(({ label }) => subject.passRates[label] ?? noTrials);
    const counts = records.map(({ successes, trials }) => `${successes}/${trials}`);
    const key = JSON.stringify([subject.domain, counts, thins.map((thin) => staysIn(thin, subject))]);
    const kind = kinds.get(key) ?? { example: subject, members: [] };
    kind.members.push(i);
    kinds.set(key, kind);
  });
  return [...kinds.values()];
}

type Thin = LevelRule & { type: 'thin' };

function thinsOf(rule: LevelRule): Thin[] {
  switch (rule.type) {
    case 'band':
    case 'domain':
    case 'level':
      return [];
    case 'all':
    case 'any':
      return rule.rules.flatMap(thinsOf);
    case 'not':
      return thinsOf(rule.rule);
    case 'thin':
      return [rule, ...thinsOf(rule.rule)];
  }
}

type LearnedModels = readonly { readonly label: string; readonly cellsOf: CellsOf }[];

/**
 * Returns for each level the probability that it accepts a problem of this kind; levels with probability 0 are absent.
 */
function kindOdds(levels: Levels, models: LearnedModels, example: LevelSubject): Record<string, number> {
  const odds: Record<string, number> = {};
  for (const { probability, passRates } of worlds(models, example.passRates))
    for (const name of levels.of({ ...example, passRates })) odds[name] = (odds[name] ?? 0) + probability;
  return odds;
}

/** Yields every combination of the models' cells, with its probability. */
function* worlds(
  models: LearnedModels,
  passRates: LevelSubject['passRates'],
): Generator<{ probability: number; passRates: Record<string, Trials> }> {
  const [first, ...others] = models;
  if (first === undefined) {
    yield { probability: 1, passRates: {} };
    return;
  }
  for (const rest of worlds(others, passRates))
    for (const { probability, standIn } of first.cellsOf(passRates[first.label]))
      yield {
        probability: probability * rest.probability,
        passRates: { ...rest.passRates, [first.label]: standIn },
      };
}

function spread(
  kinds: readonly Kind[],
  found: readonly Record<string, number>[],
  name: string,
  count: number,
): Float64Array {
  const odds = new Float64Array(count);
  kinds.forEach(({ members }, kind) => {
    for (const member of members) odds[member] = Math.min(1, found[kind]![name] ?? 0);
  });
  return odds;
}

function deviation(values: readonly number[]): number {
  const centre = mean(values);
  return Math.sqrt(mean(values.map((value) => (value - centre) ** 2)));
}
