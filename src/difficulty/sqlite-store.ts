import { DataError } from '../core/errors.ts';
import type { Outcome } from '../core/verdict.ts';
import type {
  Conditions,
  Observation,
  ObservationFilter,
  PassRateStore,
  RecordedTrials,
  Spending,
} from './pass-rate-store.ts';
import { inTransaction, openDatabase } from './sqlite-schema.ts';

const conditionColumns = 'model, temperature, top_p, top_k, stop, max_tokens, verifier';
const findConditions = `SELECT id FROM conditions WHERE (${conditionColumns}) = (?, ?, ?, ?, ?, ?, ?)`;
const addConditions = `INSERT OR IGNORE INTO conditions (${conditionColumns}) VALUES (?, ?, ?, ?, ?, ?, ?)`;
const addProblem = 'INSERT OR IGNORE INTO problems (name) VALUES (?)';
const addObservation = `
  INSERT INTO observations (conditions, problem, source, step, rollout, outcome)
  VALUES (?, (SELECT id FROM problems WHERE name = ?), ?, ?, ?, ?)
  ON CONFLICT (conditions, problem, source, step, rollout) DO NOTHING`;
const measuredProblems = `
  SELECT name, sum(outcome = 'correct') AS successes, sum(outcome <> 'ungradable') AS trials,
         json_group_array(rollout) AS rollouts,
         group_concat(CASE outcome WHEN 'correct' THEN '1' WHEN 'ungradable' THEN '-' ELSE '0' END, '') AS marks
  FROM observations JOIN problems ON problems.id = problem
  WHERE conditions = ? AND (? IS NULL OR source = ?) AND (? IS NULL OR step = ?)
  GROUP BY problem`;
const allConditions = `SELECT ${conditionColumns} FROM conditions ORDER BY id`;
const problemHistory = `
  SELECT ${conditionColumns}, source, step, rollout, outcome
  FROM conditions
  JOIN observations ON observations.conditions = conditions.id
  WHERE problem = (SELECT id FROM problems WHERE name = ?)
  ORDER BY step, conditions.id, source, rollout`;
const addSpending = `
  INSERT INTO spending (model, requests, prompt_tokens, cached_tokens, completion_tokens, cost)
  VALUES (?, ?, ?, ?, ?, ?)`;
const allSpending = `
  SELECT total(requests) AS requests, total(prompt_tokens) AS promptTokens, total(cached_tokens) AS cachedTokens,
         total(completion_tokens) AS completionTokens, sum(cost) AS cost
  FROM spending WHERE model = ?`;

/**
 * Opens or creates the pass rates at `path` (`':memory:'` keeps them in memory). Several processes may use one file at
 * once: write-ahead log, and writers wait for each other up to 10 s.
 *
 * @throws {DataError} when the file cannot be opened, is not such a store or was written by a newer Gradus.
 */
export function openPassRateStore(path: string): PassRateStore {
  const database = openDatabase(path);
  const statements = {
    findConditions: database.prepare(findConditions),
    addConditions: database.prepare(addConditions),
    addProblem: database.prepare(addProblem),
    addObservation: database.prepare(addObservation),
    measured: database.prepare(measuredProblems),
    allConditions: database.prepare(allConditions),
    history: database.prepare(problemHistory),
    addSpending: database.prepare(addSpending),
    allSpending: database.prepare(allSpending),
  };
  const idOf = (conditions: Conditions): number | undefined =>
    statements.findConditions.get(...valuesOf(conditions))?.['id'] as number | undefined;

  const append = (conditions: Conditions, observations: readonly Observation[]): number => {
    statements.addConditions.run(...valuesOf(conditions));
    const id = idOf(conditions)!;
    for (const name of new Set(observations.map(({ problemId }) => problemId)))
      statements.addProblem.run(name);
    let added = 0;
    for (const { problemId, source, step, rollout, outcome } of observations) {
      const { changes } = statements.addObservation.run(id, problemId, source, step, rollout, outcome);
      added += Number(changes);
    }
    return added;
  };

  return {
    record(conditions, observations) {
      try {
        return inTransaction(database, () => append(conditions, observations));
      } catch (cause) {
        throw notRecorded(path, cause);
      }
    },
    measured(conditions, filter = {}) {
      const id = idOf(conditions);
      if (id === undefined) return new Map();
      const rows = statements.measured.iterate(id, ...filterValues(filter)) as Iterable<MeasuredRow>;
      return new Map(Array.from(rows, (row) => [row.name, recordedTrials(row)] as const));
    },
    recordSpending(model, { requests, promptTokens, cachedTokens, completionTokens, cost = null }) {
      statements.addSpending.run(model, requests, promptTokens, cachedTokens, completionTokens, cost);
    },
    spending(model) {
      const { cost, ...counts } = statements.allSpending.get(model) as unknown as SpendingRow;
      return cost === null ? counts : { ...counts, cost };
    },
    conditions: () => (statements.allConditions.all() as unknown as ConditionsRow[]).map(fromConditions),
    history: (problemId) =>
      (statements.history.all(problemId) as unknown as HistoryRow[]).map((row) =>
        fromHistory(row, problemId),
      ),
    [Symbol.dispose]: () => database.close(),
  };
}

interface MeasuredRow {
  readonly name: string;
  readonly successes: number;
  readonly trials: number;
  readonly rollouts: string;
  readonly marks: string;
}

type SpendingRow = Omit<Spending, 'cost'> & { readonly cost: number | null };

interface ConditionsRow {
  readonly model: string;
  readonly temperature: number;
  readonly top_p: number;
  readonly top_k: number;
  readonly stop: string;
  readonly max_tokens: number;
  readonly verifier: string;
}

interface HistoryRow extends ConditionsRow {
  readonly source: string;
  readonly step: number;
  readonly rollout: number;
  readonly outcome: Outcome;
}

type ConditionValues = [string, number, number, number, string, number, string];

function valuesOf(conditions: Conditions): ConditionValues {
  const { model, temperature, topP, topK, stop, maxTokens, verifier } = conditions;
  return [model, temperature, topP, topK, JSON.stringify(stop.toSorted()), maxTokens, verifier];
}

function filterValues({ source = null, step = null }: NullableFilter): (string | number | null)[] {
  return [source, source, step, step];
}

type NullableFilter = { readonly [K in keyof ObservationFilter]: ObservationFilter[K] | null };

function recordedTrials({ successes, trials, rollouts, marks }: MeasuredRow): RecordedTrials {
  const made = (JSON.parse(rollouts) as number[]).map((rollout, i) => ({ rollout, mark: marks[i]! }));
  made.sort((a, b) => a.rollout - b.rollout);
  return {
    successes,
    trials,
    rollouts: made.map(({ rollout }) => rollout),
    marks: made.map(({ mark }) => mark).join(''),
  };
}

function fromHistory(row: HistoryRow, problemId: string): Observation & { conditions: Conditions } {
  const { source, step, rollout, outcome } = row;
  return { problemId, source, step, rollout, outcome, conditions: fromConditions(row) };
}

function fromConditions(row: ConditionsRow): Conditions {
  const { model, temperature, top_p: topP, top_k: topK, max_tokens: maxTokens, verifier } = row;
  return { model, temperature, topP, topK, stop: JSON.parse(row.stop) as string[], maxTokens, verifier };
}

function notRecorded(path: string, cause: unknown): DataError {
  const why = cause instanceof Error ? cause.message : String(cause);
  return new DataError(
    `${path}: expected to append observations, got "${why}"; nothing of this batch was kept. ` +
      'Free disk space or mend the file, then go on: what is on record is not asked again.',
    { cause, tryNext: 'gradus doctor' },
  );
}
