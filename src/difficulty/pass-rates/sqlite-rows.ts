import type { FinishReason } from '../../core/transcript.ts';
import type { Spending } from '../../core/spending.ts';
import type { Outcome } from '../../core/verdict.ts';
import { decodeSource, encodeSource } from './attempt-source.ts';
import type {
  Conditions,
  Observation,
  ObservationFilter,
  ObservedGroup,
  RecordedTrials,
} from './pass-rate-store.ts';

export interface ProblemRow {
  readonly name: string;
  readonly edition: string;
}

export interface RecordedRow extends ProblemRow {
  readonly successes: number;
  readonly trials: number;
  readonly rollouts: string;
  readonly marks: string;
}

type Replaced = 'source' | 'truncated' | 'promptTokens' | 'tokens' | 'fewestTokensToPass';

/** A row of the query for groups. Sums over unknown values are null. */
export interface GroupRow extends ProblemRow, Omit<ObservedGroup, Replaced | 'problemId'> {
  /** Encoded by `encodeSource`, here and in all other rows. */
  readonly source: string;
  readonly truncated: number | null;
  readonly promptTokens: number | null;
  readonly tokens: number | null;
  readonly fewestTokensToPass: number | null;
}

export interface ConditionsRow {
  readonly model: string;
  readonly temperature: number;
  readonly top_p: number;
  readonly top_k: number;
  /** The stop strings, as a sorted JSON list. */
  readonly stop: string;
  readonly max_tokens: number;
  readonly template: string;
  readonly verifier: string;
}

export interface HistoryRow extends ConditionsRow, ProblemRow {
  readonly source: string;
  readonly step: number;
  readonly rollout: number;
  readonly outcome: Outcome;
  readonly prompt_tokens: number | null;
  readonly tokens: number | null;
  readonly finish_reason: FinishReason | null;
}

export type SpendingRow = Omit<Spending, 'cost'> & { readonly cost: number | null };

type Value = string | number | null;

export function valuesOf(conditions: Conditions): Value[] {
  const { model, template = '', temperature, topP, topK, stop, maxTokens, verifier } = conditions;
  return [model, template, temperature, topP, topK, JSON.stringify(stop.toSorted()), maxTokens, verifier];
}

export function rowOf(observation: Observation): Value[] {
  const { problemId, edition = '', source, step, rollout, outcome } = observation;
  const { promptTokens = null, tokens = null, finishReason = null } = observation;
  return [
    problemId,
    edition,
    encodeSource(source),
    step,
    rollout,
    outcome,
    promptTokens,
    tokens,
    finishReason,
  ];
}

export function filterValues({ source, step }: ObservationFilter): Value[] {
  const text = source === undefined ? null : encodeSource(source);
  return [text, text, step ?? null, step ?? null];
}

/** Keeps only rows of the requested editions; see `ObservationFilter`. Rows of older editions come first. */
export function wantedEditions<Row extends ProblemRow>(
  rows: Row[],
  editions: ReadonlyMap<string, string> | undefined,
): Row[] {
  const known = new Map<string, string>();
  for (const { name, edition } of rows) {
    const wanted = editions === undefined ? edition : editions.get(name);
    if (edition === wanted || (edition === '' && !known.has(name))) known.set(name, edition);
  }
  return rows.filter(({ name, edition }) => known.get(name) === edition && editions?.has(name) !== false);
}

export function recordedTrials({ successes, trials, rollouts, marks }: RecordedRow): RecordedTrials {
  const made = (JSON.parse(rollouts) as number[]).map((rollout, i) => ({ rollout, mark: marks[i]! }));
  made.sort((a, b) => a.rollout - b.rollout);
  return {
    successes,
    trials,
    rollouts: made.map(({ rollout }) => rollout),
    marks: made.map(({ mark }) => mark).join(''),
  };
}

/** Converts a row to a group; unknown sums count as 0. */
export function observedGroup(row: GroupRow): ObservedGroup {
  const { name, edition: _, source, fewestTokensToPass, truncated, promptTokens, tokens, ...counted } = row;
  return {
    problemId: name,
    ...counted,
    source: decodeSource(source),
    truncated: truncated ?? 0,
    promptTokens: promptTokens ?? 0,
    tokens: tokens ?? 0,
    ...(fewestTokensToPass === null ? {} : { fewestTokensToPass }),
  };
}

export function fromHistory(row: HistoryRow): Observation & { conditions: Conditions } {
  const { name: problemId, edition, source, step, rollout, outcome } = row;
  return {
    problemId,
    ...(edition === '' ? {} : { edition }),
    source: decodeSource(source),
    step,
    rollout,
    outcome,
    ...(row.prompt_tokens === null ? {} : { promptTokens: row.prompt_tokens }),
    ...(row.tokens === null ? {} : { tokens: row.tokens }),
    ...(row.finish_reason === null ? {} : { finishReason: row.finish_reason }),
    conditions: fromConditions(row),
  };
}

export function fromConditions(row: ConditionsRow): Conditions {
  const { model, template, temperature, top_p: topP, top_k: topK, max_tokens: maxTokens, verifier } = row;
  const named = { model, ...(template === '' ? {} : { template }) };
  return { ...named, temperature, topP, topK, stop: JSON.parse(row.stop) as string[], maxTokens, verifier };
}
