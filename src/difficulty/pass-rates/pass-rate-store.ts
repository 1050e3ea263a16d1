import type { FinishReason } from '../../core/transcript.ts';
import type { SourceRecord } from '../../core/source-record.ts';
import type { Spending } from '../../core/spending.ts';
import type { Outcome } from '../../core/verdict.ts';
import { contentDigest } from '../../storage/content-digest.ts';
import type { Problem } from '../../core/problem.ts';
import type { AttemptSource } from './attempt-source.ts';
import type { Trials } from './trials.ts';

/** Sampling settings that affect a pass rate. */
export interface SamplingConditions {
  readonly temperature: number;
  readonly topP: number;
  /** Number of most probable tokens to sample from; 0: all tokens. */
  readonly topK: number;
  /** Strings that end a completion, besides the model's own end tokens; their order is irrelevant. */
  readonly stop: readonly string[];
  /** Longest completion in tokens; a shorter limit makes a problem harder. */
  readonly maxTokens: number;
}

/** Everything besides the problem that affects a pass rate. Rates under different conditions are never mixed. */
export interface Conditions extends SamplingConditions {
  /** Identifies the weights (a content hash, or a run's policy version); for a model server, its name and host. */
  readonly model: string;
  /** Identifies how messages are rendered as a prompt, e.g. a digest of the chat template; absent: unknown. */
  readonly template?: string;
  /** `name@version` of the verifier; a different version may judge differently. */
  readonly verifier: string;
}

/**
 * Returns the edition of a problem: a digest of prompt, gold answer and tests. Pass rates belong to an edition, so a
 * reworded problem or a problem with a corrected gold answer is measured again under the same id.
 */
export const editionOf = (problem: Problem): string => contentDigest(problem);

/** One judged attempt as stored; it is never changed or deleted. */
export interface Observation {
  readonly problemId: string;
  /** From `editionOf`; absent: unknown. */
  readonly edition?: string;
  /** Why the attempt was made. */
  readonly source: AttemptSource;
  /** Number of training steps of the policy before the attempt. */
  readonly step: number;
  /** 0-based index of the rollout among those of its problem, source and step. */
  readonly rollout: number;
  readonly outcome: Outcome;
  /** Numbers of tokens read and written; absent if the engine does not report them. */
  readonly promptTokens?: number;
  readonly tokens?: number;
  readonly finishReason?: FinishReason;
}

/** Selects the attempts to read; an absent key does not filter. */
export interface ObservationFilter {
  readonly source?: AttemptSource;
  readonly step?: number;
  /**
   * Requested edition by problem id; other editions count as different problems. An attempt without a recorded edition
   * counts as the requested one. Absent: the newest edition of each problem.
   */
  readonly editions?: ReadonlyMap<string, string>;
}

/** Sum of one problem's attempts. */
export interface RecordedTrials extends Trials {
  /** Recorded rollout indices, ascending, including ungradable ones. */
  readonly rollouts: readonly number[];
  /** One character per entry of `rollouts`: `1` for correct, `-` for ungradable, `0` for any other outcome. */
  readonly marks: string;
}

/** Pass rates with the attempts behind them, by problem id. */
export type RecordedPassRates = ReadonlyMap<string, RecordedTrials>;

/** Sum of the attempts at one problem with the same source and step. */
export interface ObservedGroup extends Trials {
  readonly problemId: string;
  readonly source: AttemptSource;
  readonly step: number;
  /** Attempts made, including ungradable ones. */
  readonly attempts: number;
  readonly unparsed: number;
  readonly timeouts: number;
  readonly ungradable: number;
  /** Attempts that hit the token limit. */
  readonly truncated: number;
  /** Total tokens of the attempts that report them, and the number of these attempts. */
  readonly promptTokens: number;
  readonly tokens: number;
  readonly countedAttempts: number;
  /** Tokens of the shortest correct attempt; absent if no attempt was correct or tokens are unknown. */
  readonly fewestTokensToPass?: number;
}

/** Everything besides the problem and the text that affects a log-likelihood. Sampling settings have no effect. */
export interface Scoring extends Pick<Conditions, 'model' | 'template'> {
  /** Version of the format in which texts are scored; see `likelihoodVersion`. */
  readonly version: string;
}

/** The log-likelihood of one reference text after one problem's prompt. */
export interface RecordedLikelihood {
  readonly problemId: string;
  readonly edition: string;
  /** The text: the gold answer or the worked solution. */
  readonly text: 'answer' | 'solution';
  /** Digest of the text, because an edition does not include the worked solution. */
  readonly digest: string;
  /** Sum over the tokens of the text, in nats, ≤ 0. */
  readonly logprob: number;
  readonly tokens: number;
}

/**
 * Stores every judged attempt under its conditions, append-only, so that pass rates have a history and no attempt is
 * repeated. Recording is idempotent: the first verdict of a rollout is kept.
 *
 * @example
 * using store = openPassRateStore('runs/pass-rates.sqlite');
 * store.record(conditions, [{ problemId: 'q1', source: { type: 'base' }, step: 0, rollout: 0, outcome: 'correct' }]);
 * store.passRates(conditions).get('q1'); // { successes: 1, trials: 1, rollouts: [0], marks: '1' }
 */
export interface PassRateStore extends PassRateReader {
  /** Appends in one transaction; returns how many were new. */
  record(conditions: Conditions, observations: readonly Observation[]): number;
  /** Appends in one transaction; returns how many were new. The first value for a text is kept. */
  recordLikelihoods(scoring: Scoring, likelihoods: readonly RecordedLikelihood[]): number;
  /** Adds to the requests and tokens spent on a model server. */
  recordSpending(model: string, spending: Spending): void;
  /** Records the files from which problems were read, once per content. */
  recordSources(records: readonly SourceRecord[]): void;
}

/** Read access to a pass-rate store. */
export interface PassRateReader extends Disposable {
  /** Returns the pass rates of all problems attempted under these conditions. */
  passRates(conditions: Conditions, filter?: ObservationFilter): RecordedPassRates;
  /** Returns the attempts summed by problem, source and step, with their cost and failures. */
  groups(conditions: Conditions, filter?: ObservationFilter): ObservedGroup[];
  /** Returns every set of conditions with observations, oldest first. */
  conditions(): Conditions[];
  /** Returns all log-likelihoods with this scoring, for every edition and text. */
  likelihoods(scoring: Scoring): RecordedLikelihood[];
  /** Returns the total spending on a model; zeros if none was recorded. */
  spending(model: string): Spending;
  /** Returns all recorded sources, oldest first. */
  sources(): SourceRecord[];
  /** Returns all attempts at a problem under any conditions, by step. */
  history(problemId: string): (Observation & { readonly conditions: Conditions })[];
}
