import type { FinishReason } from '../../core/transcript.ts';
import type { SourceRecord } from '../../core/source-record.ts';
import type { Spending } from '../../core/spending.ts';
import type { Outcome } from '../../core/verdict.ts';
import { contentDigest } from '../../storage/content-digest.ts';
import type { Problem } from '../../core/problem.ts';
import type { AttemptSource } from './attempt-source.ts';
import type { Trials } from './trials.ts';

/** How attempts are sampled, as far as a pass rate depends on it. */
export interface SamplingConditions {
  readonly temperature: number;
  readonly topP: number;
  /** 0: all tokens. */
  readonly topK: number;
  /** Strings that end a completion, besides the model's own end tokens; their order means nothing. */
  readonly stop: readonly string[];
  /** Longest completion in tokens: a shorter limit is a harder problem. */
  readonly maxTokens: number;
}

/** Everything besides the problem that a pass rate depends on. Rates under different conditions are never mixed. */
export interface Conditions extends SamplingConditions {
  /** Names the weights, and for a model server the way they are asked: a content hash, or a run's policy version. */
  readonly model: string;
  /** Names how messages become the model's prompt, e.g. a digest of its chat template; absent: not known. */
  readonly template?: string;
  /** `name@version`: another version may judge differently. */
  readonly verifier: string;
}

/**
 * The edition of a problem: a digest of prompt, gold answer and tests. Pass rates belong to an edition, so a reworded problem
 * or a corrected gold is measured again under the same id.
 */
export const editionOf = (problem: Problem): string => contentDigest(problem);

/** One judged attempt, as it is kept for good. */
export interface Observation {
  readonly problemId: string;
  /** From `editionOf`; absent: unknown. */
  readonly edition?: string;
  /** Why it was made. */
  readonly source: AttemptSource;
  /** Steps the policy had learnt from. */
  readonly step: number;
  /** 0-based index of the rollout among those of its problem, source and step. */
  readonly rollout: number;
  readonly outcome: Outcome;
  /** Tokens read and written; absent: the engine did not say. */
  readonly promptTokens?: number;
  readonly tokens?: number;
  readonly finishReason?: FinishReason;
}

/** Narrows what is read; absent keys do not narrow. */
export interface ObservationFilter {
  readonly source?: AttemptSource;
  readonly step?: number;
  /**
   * By problem id the edition that is wanted: observations of another edition are of another problem. Where an edition
   * was not recorded it is taken for the wanted one. Absent: of each problem its newest edition.
   */
  readonly editions?: ReadonlyMap<string, string>;
}

/** What one problem's observations amount to. */
export interface RecordedTrials extends Trials {
  /** Rollout indices on record, ascending, ungradable ones too: nothing is asked twice. */
  readonly rollouts: readonly number[];
  /** One character per entry of `rollouts`: `1` correct, `-` ungradable, `0` everything else. */
  readonly marks: string;
}

/** Pass rates with the attempts behind them, by problem id. */
export type RecordedPassRates = ReadonlyMap<string, RecordedTrials>;

/** Attempts at one problem for one reason at one step, summed up. */
export interface ObservedGroup extends Trials {
  readonly problemId: string;
  readonly source: AttemptSource;
  readonly step: number;
  /** Attempts made, ungradable ones too. */
  readonly attempts: number;
  readonly unparsed: number;
  readonly timeouts: number;
  readonly ungradable: number;
  /** Attempts that hit the token limit. */
  readonly truncated: number;
  /** Tokens over the attempts of which they are known, and how many attempts that are. */
  readonly promptTokens: number;
  readonly tokens: number;
  readonly countedAttempts: number;
  /** Tokens of the shortest attempt that was right; absent: none was, or tokens are not known. */
  readonly fewestTokensToPass?: number;
}

/**
 * Keeps every judged attempt under its conditions, append-only, so that pass rates have a history and asking again
 * costs nothing. Recording the same rollout twice changes nothing: the first finding stands.
 *
 * @example
 * using store = openPassRateStore('runs/pass-rates.sqlite');
 * store.record(conditions, [{ problemId: 'q1', source: { type: 'base' }, step: 0, rollout: 0, outcome: 'correct' }]);
 * store.passRates(conditions).get('q1'); // { successes: 1, trials: 1, rollouts: [0], marks: '1' }
 */
export interface PassRateStore extends PassRateReader {
  /** Appends in one transaction; returns how many were new. */
  record(conditions: Conditions, observations: readonly Observation[]): number;
  /** Notes what a model server was asked for. */
  recordSpending(model: string, spending: Spending): void;
  /** Notes which files measured problems were read from; each content is noted once. */
  recordSources(records: readonly SourceRecord[]): void;
}

/** What a store says to those who only look. */
export interface PassRateReader extends Disposable {
  /** The pass rates of all problems seen under these conditions. */
  passRates(conditions: Conditions, filter?: ObservationFilter): RecordedPassRates;
  /** The same by reason and step, with what attempts cost and how they failed. */
  groups(conditions: Conditions, filter?: ObservationFilter): ObservedGroup[];
  /** Every set of conditions that has observations, oldest first. */
  conditions(): Conditions[];
  /** All that was ever noted of a model; zeros where nothing was. */
  spending(model: string): Spending;
  /** All that was ever noted, oldest first. */
  sources(): SourceRecord[];
  /** Everything ever observed of a problem, under whatever conditions, by step. */
  history(problemId: string): (Observation & { readonly conditions: Conditions })[];
}
