import { closeSync, existsSync, openSync, readSync } from 'node:fs';
import { ConfigError, DataError } from '../core/errors.ts';
import type { Conditions } from '../difficulty/pass-rate-store.ts';
import { openPassRateStore } from '../difficulty/sqlite-store.ts';
import type { Trials } from '../difficulty/trials.ts';
import type { Recipe } from '../recipe/recipe.ts';
import { loadAll } from './load-problems.ts';
import { type DifficultyReport, type ReportedProblem, reportDifficulty } from './difficulty-report.ts';
import { baseSource } from './measure.ts';

/** What a store knows of one model under one way of sampling; verifiers together, as long as each problem has one. */
export interface StoredDifficulty extends DifficultyReport {
  readonly conditions: Omit<Conditions, 'verifier'> & { readonly verifiers: readonly string[] };
}

/**
 * Reads a pass-rate store, one report for each model and way of sampling in it, oldest first; another one where problems
 * were judged by a second verifier.
 *
 * @param file `gradus difficulty estimate` made it, or a run's `pass-rates.sqlite`.
 * @param recipe whose problems and levels to report on; without it nothing is known of domains and families.
 */
export async function readDifficulty(file: string, recipe?: Recipe): Promise<StoredDifficulty[]> {
  if (!existsSync(file)) {
    throw new ConfigError(`${file}: expected a store of pass rates, found nothing there`, {
      tryNext: 'gradus difficulty estimate <recipe>',
    });
  }
  if (!isDatabase(file)) {
    throw new DataError(`${file}: expected a store of pass rates, found a file of something else`, {
      tryNext: 'gradus difficulty estimate <recipe>',
    });
  }
  using store = openPassRateStore(file);
  const problems = recipe === undefined ? undefined : await loadAll(recipe.problems, recipe);
  const bySampling = Map.groupBy(store.conditions(), ({ verifier: _, ...rest }) => JSON.stringify(rest));
  const reports = [...bySampling.values()].flatMap((conditions) =>
    togetherWhereDisjoint(conditions, (one) => store.measured(one, { source: baseSource })).map(
      ({ verifiers, rates }) => {
        const { verifier: _, ...sampling } = conditions[0]!;
        return {
          conditions: { ...sampling, verifiers },
          ...reportDifficulty(problems ?? unknownProblems(rates), rates, recipe),
        };
      },
    ),
  );
  if (reports.length > 0) return reports;
  throw new DataError(`${file}: expected pass rates, found a store without a single one`, {
    tryNext: 'gradus difficulty estimate <recipe>',
  });
}

/** The pass rates of several verifiers together, but never two of one problem: those are different pass rates. */
function togetherWhereDisjoint(
  conditions: readonly Conditions[],
  measured: (one: Conditions) => ReadonlyMap<string, Trials>,
): readonly { readonly verifiers: string[]; readonly rates: Map<string, Trials> }[] {
  const groups: { readonly verifiers: string[]; readonly rates: Map<string, Trials> }[] = [];
  for (const one of conditions) {
    const found = measured(one);
    let group = groups.find(({ rates }) => ![...found.keys()].some((id) => rates.has(id)));
    if (group === undefined) groups.push((group = { verifiers: [], rates: new Map() }));
    group.verifiers.push(one.verifier);
    for (const [id, trials] of found) group.rates.set(id, trials);
  }
  return groups;
}

const unknownProblems = (rates: ReadonlyMap<string, Trials>): ReportedProblem[] =>
  Array.from(rates.keys(), (id) => ({ id }));

/** Opening an empty file as a database would write into it; showing something must not. */
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
