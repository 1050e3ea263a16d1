import { closeSync, existsSync, openSync, readSync } from 'node:fs';
import { ConfigError, DataError } from '../core/errors.ts';
import type { Problem } from '../core/problem.ts';
import type { Spending } from '../core/spending.ts';
import type {
  Conditions,
  ObservationFilter,
  ObservedGroup,
  PassRateReader,
} from '../difficulty/pass-rates/pass-rate-store.ts';
import { readPassRateStore } from '../difficulty/pass-rates/sqlite-store.ts';
import type { PassRates, Trials } from '../difficulty/pass-rates/trials.ts';
import type { Recipe } from '../recipe/recipe.ts';
import { loadAll } from '../problems/load-problems.ts';
import { type DifficultyReport, type ReportedProblem, reportDifficulty } from './report/difficulty-report.ts';
import { describeEffort, type Effort, effortOf } from './report/measuring-effort.ts';
import { editionsOf } from './observation.ts';

/**
 * A store's records for one model with one sampling. Combines the verifiers, as long as each problem was judged by only
 * one.
 */
export interface StoredMeasurement {
  readonly conditions: Omit<Conditions, 'verifier'> & { readonly verifiers: readonly string[] };
  /** Successes and trials of the base measurement, by problem id. */
  readonly passRates: PassRates;
  /** Every attempt on record, including those from training and stage boundaries. */
  readonly groups: readonly ObservedGroup[];
  /**
   * Number of the recipe's problems that were measured only with a different prompt, gold answer or tests, and so do not
   * count.
   */
  readonly outdated: number;
  /** Total cost reported by a model server. */
  readonly spending: Spending;
}

/** A store's measurements and their problems. */
export interface StoredMeasurements {
  readonly measurements: readonly StoredMeasurement[];
  /** The recipe's problems; without a recipe, only the ids of problems are known. */
  readonly problems?: readonly Problem[];
}

/**
 * Reads the measurements in a pass-rate store, one for each model and sampling, oldest first. Problems that a second
 * verifier judged form a separate measurement.
 *
 * @param file store made by `gradus difficulty estimate`, or a run's `pass-rates.sqlite`.
 * @param recipe contains the problems in their current wording.
 */
export async function readMeasurements(file: string, recipe?: Recipe): Promise<StoredMeasurements> {
  const tryNext = 'gradus difficulty estimate <recipe>';
  if (!existsSync(file))
    throw new ConfigError(`${file}: expected a store of pass rates, but the file does not exist`, {
      tryNext,
    });
  if (!isDatabase(file))
    throw new DataError(`${file}: expected a store of pass rates, found a different kind of file`, {
      tryNext,
    });
  using store = readPassRateStore(file);
  const problems = recipe === undefined ? undefined : await loadAll(recipe.problems, recipe);
  const filter = problems === undefined ? {} : { editions: editionsOf(problems) };
  const bySampling = Map.groupBy(store.conditions(), ({ verifier: _, ...rest }) => JSON.stringify(rest));
  const measurements = Array.from(bySampling.values(), (all) => together(store, all, filter)).flat();
  if (measurements.length === 0)
    throw new DataError(`${file}: expected pass rates, found an empty store`, { tryNext });
  return { measurements, ...(problems === undefined ? {} : { problems }) };
}

/** Pass rates and effort of one model with one sampling. */
export interface StoredDifficulty extends DifficultyReport {
  readonly conditions: StoredMeasurement['conditions'];
  readonly outdated: number;
  readonly effort: Effort;
}

/** Reads a pass-rate store; returns one report per measurement; see `readMeasurements`. */
export async function readDifficulty(file: string, recipe?: Recipe): Promise<StoredDifficulty[]> {
  const { measurements, problems } = await readMeasurements(file, recipe);
  return measurements.map(({ conditions, passRates, groups, outdated, spending }) => {
    const report = reportDifficulty(problems ?? idsOf(passRates), passRates, recipe);
    const effort = effortOf(groups, spending);
    const text = `${report.text}\n\n${describeEffort(effort, outdated)}`;
    return { conditions, outdated, effort, ...report, text };
  });
}

/** Formats a measurement's conditions in two lines. */
export function describeConditions(conditions: StoredMeasurement['conditions']): string {
  const { model, template, temperature, topP, topK, stop, maxTokens, verifiers } = conditions;
  const sampling = [
    `temperature ${temperature}`,
    `top-p ${topP}`,
    ...(topK > 0 ? [`top-k ${topK}`] : []),
    ...(stop.length > 0 ? [`stop at ${stop.map((one) => JSON.stringify(one)).join(', ')}`] : []),
    `${maxTokens} tokens`,
  ];
  const prompt = template === undefined ? '' : `, prompt template ${template}`;
  return `model ${model}${prompt}\n${sampling.join(', ')}, judged by ${verifiers.join(', ')}`;
}

/**
 * Combines the records of several verifiers with one sampling, but never of two verifiers of the same problem, because
 * they give different pass rates.
 */
function together(
  store: PassRateReader,
  conditions: readonly Conditions[],
  filter: ObservationFilter,
): StoredMeasurement[] {
  const parts: { verifiers: string[]; passRates: Map<string, Trials>; all: Conditions[] }[] = [];
  for (const one of conditions) {
    const found = store.passRates(one, { source: { type: 'base' }, ...filter });
    let part = parts.find(({ passRates }) => ![...found.keys()].some((id) => passRates.has(id)));
    if (part === undefined) parts.push((part = { verifiers: [], passRates: new Map(), all: [] }));
    part.verifiers.push(one.verifier);
    part.all.push(one);
    for (const [id, { successes, trials }] of found) part.passRates.set(id, { successes, trials });
  }
  const { verifier: _, ...sampling } = conditions[0]!;
  return parts.map(({ verifiers, passRates, all }) => ({
    conditions: { ...sampling, verifiers },
    passRates,
    groups: all.flatMap((one) => store.groups(one, filter)),
    outdated: all.flatMap((one) => outdatedIn(store, one, passRates, filter)).length,
    spending: store.spending(sampling.model),
  }));
}

/** Returns the ids of problems that were measured only in a different edition. */
function outdatedIn(
  store: PassRateReader,
  conditions: Conditions,
  passRates: PassRates,
  { editions }: ObservationFilter,
): string[] {
  if (editions === undefined) return [];
  const measured = [...store.passRates(conditions, { source: { type: 'base' } }).keys()];
  return measured.filter((id) => editions.has(id) && !passRates.has(id));
}

const idsOf = (passRates: PassRates): ReportedProblem[] => Array.from(passRates.keys(), (id) => ({ id }));

/**
 * Returns whether a file is a database. Opening an empty file as a database would write to it, which a read-only
 * command must not do.
 */
function isDatabase(file: string): boolean {
  const head = Buffer.alloc(15);
  const handle = openSync(file, 'r');
  try {
    readSync(handle, head, 0, head.length, 0);
  } finally {
    closeSync(handle);
  }
  return head.toString('latin1') === 'SQLite format 3';
}
