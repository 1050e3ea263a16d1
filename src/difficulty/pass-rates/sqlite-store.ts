import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { DataError, messageOf } from '../../core/errors.ts';
import type { SourceRecord } from '../../core/source-record.ts';
import { closeInOneFile, inTransaction } from '../../storage/sqlite.ts';
import type {
  Conditions,
  Observation,
  ObservationFilter,
  PassRateReader,
  PassRateStore,
  RecordedLikelihood,
  Scoring,
} from './pass-rate-store.ts';
import { queries } from './sqlite-queries.ts';
import {
  type ConditionsRow,
  fromConditions,
  fromHistory,
  type GroupRow,
  type HistoryRow,
  type RecordedRow,
  observedGroup,
  type ProblemRow,
  recordedTrials,
  type SpendingRow,
  rowOf,
  filterValues,
  valuesOf,
  wantedEditions,
} from './sqlite-rows.ts';
import { openDatabase, openDatabaseReadOnly } from './sqlite-schema.ts';

/**
 * Opens or creates the pass-rate store at `path` (`':memory:'` keeps it in memory). Several processes may use one file
 * at the same time: the database uses a write-ahead log, and writers wait up to 10 s for each other.
 *
 * @throws {DataError} if the file cannot be opened, is not a pass-rate store, or was written by a newer Gradus.
 */
export function openPassRateStore(path: string): PassRateStore {
  const database = openDatabase(path);
  const statements = prepare(database);
  const append = (conditions: Conditions, observations: readonly Observation[]): number => {
    statements.addConditions.run(...valuesOf(conditions));
    const id = idOf(statements, conditions)!;
    let added = 0;
    let previous: Observation | undefined;
    for (const observation of observations) {
      const { problemId, edition = '' } = observation;
      if (previous?.problemId !== problemId || previous.edition !== observation.edition)
        statements.addProblem.run(problemId, edition);
      added += Number(statements.addObservation.run(id, ...rowOf(observation)).changes);
      previous = observation;
    }
    return added;
  };
  return {
    ...readerOf(statements),
    record(conditions, observations) {
      try {
        return inTransaction(database, () => append(conditions, observations));
      } catch (cause) {
        throw notRecorded(path, cause);
      }
    },
    recordSpending(model, { requests, promptTokens, cachedTokens, completionTokens, cost = null }) {
      const values = [requests, promptTokens, cachedTokens, completionTokens, cost, model] as const;
      inTransaction(database, () => {
        const { changes } = statements.moreSpending.run(...values);
        if (Number(changes) === 0) statements.addSpending.run(...values);
      });
    },
    recordLikelihoods(scoring, likelihoods) {
      const add = (): number => {
        statements.addScoring.run(...scoringValues(scoring));
        const id = scoringId(statements, scoring)!;
        let added = 0;
        for (const { problemId, edition, text, digest, logprob, tokens } of likelihoods) {
          statements.addProblem.run(problemId, edition);
          const row = [id, problemId, edition, text, digest, logprob, tokens] as const;
          added += Number(statements.addLikelihood.run(...row).changes);
        }
        return added;
      };
      try {
        return inTransaction(database, add);
      } catch (cause) {
        throw notRecorded(path, cause);
      }
    },
    recordSources(records) {
      inTransaction(database, () => {
        for (const record of records) statements.addSource.run(JSON.stringify(record));
      });
    },
    [Symbol.dispose]: () => closeInOneFile(database),
  };
}

/**
 * Opens the pass-rate store at `path` read-only, even on a read-only disk.
 *
 * @throws {DataError} as `openPassRateStore` does.
 */
export function readPassRateStore(path: string): PassRateReader {
  const database = openDatabaseReadOnly(path);
  return { ...readerOf(prepare(database)), [Symbol.dispose]: () => closeInOneFile(database) };
}

type Statements = Readonly<Record<keyof typeof queries, StatementSync>>;

const prepare = (database: DatabaseSync): Statements =>
  Object.fromEntries(
    Object.entries(queries).map(([name, query]) => [name, database.prepare(query)]),
  ) as Statements;

const idOf = ({ findConditions }: Statements, conditions: Conditions): number | undefined =>
  findConditions.get(...valuesOf(conditions))?.['id'] as number | undefined;

const scoringValues = ({ model, template = '', version }: Scoring): [string, string, string] => [
  model,
  template,
  version,
];

const scoringId = ({ findScoring }: Statements, scoring: Scoring): number | undefined =>
  findScoring.get(...scoringValues(scoring))?.['id'] as number | undefined;

function readerOf(statements: Statements): Omit<PassRateReader, typeof Symbol.dispose> {
  const select = <Row extends ProblemRow>(
    statement: StatementSync,
    conditions: Conditions,
    filter: ObservationFilter,
  ): Row[] => {
    const id = idOf(statements, conditions);
    if (id === undefined) return [];
    const rows = statement.all(id, ...filterValues(filter)) as unknown as Row[];
    return wantedEditions(rows, filter.editions);
  };
  return {
    passRates: (conditions, filter = {}) =>
      new Map(
        select<RecordedRow>(statements.passRates, conditions, filter).map((row) => [
          row.name,
          recordedTrials(row),
        ]),
      ),
    groups: (conditions, filter = {}) =>
      select<GroupRow>(statements.groups, conditions, filter).map(observedGroup),
    likelihoods(scoring) {
      const id = scoringId(statements, scoring);
      return id === undefined ? [] : (statements.likelihoods.all(id) as unknown as RecordedLikelihood[]);
    },
    spending(model) {
      const { cost, ...counts } = statements.allSpending.get(model) as unknown as SpendingRow;
      return cost === null ? counts : { ...counts, cost };
    },
    sources: () =>
      statements.allSources.all().map((row) => JSON.parse(String(row['record'])) as SourceRecord),
    conditions: () => (statements.allConditions.all() as unknown as ConditionsRow[]).map(fromConditions),
    history: (problemId) => (statements.history.all(problemId) as unknown as HistoryRow[]).map(fromHistory),
  };
}

function notRecorded(path: string, cause: unknown): DataError {
  const why = messageOf(cause);
  return new DataError(
    `${path}: expected to append to the store, got "${why}"; no attempt of this batch was kept. ` +
      'Free disk space or repair the file, then run the command again: recorded attempts are not repeated.',
    { cause, tryNext: 'gradus doctor' },
  );
}
