import type { Message } from '../../../../core/problem.ts';
import type { AuthoredMessage, FinishReason, Transcript, Written } from '../../../../core/transcript.ts';
import { notFound } from '../../run-folder.ts';
import type { RunReader } from '../../../../runs/reading/run-reader.ts';
import type { RolloutRow } from '../../../../runs/files/rollout-row.ts';
import { transcriptsOfRow } from '../../../../runs/files/transcript-columns.ts';
import { searchesOf, type ShownSearch } from '../strategies.ts';
import { findGroup, type Group } from './groups.ts';

/**
 * One judged rollout. Entry t of each list belongs to token t, counted from the first written token; the lists end with
 * the last written token. Inserted tokens in between have log-probability and entropy 0.
 */
export interface Attempt extends Pick<
  RolloutRow,
  'text' | 'outcome' | 'score' | 'reward' | 'advantage' | 'reason' | 'verifier'
> {
  /** Index in the group, from 0. */
  readonly index: number;
  readonly finishReason: FinishReason;
  /** The verifier's evidence: extracted answer, normal forms, test results. */
  readonly evidence: Readonly<Record<string, unknown>>;
  readonly flags: readonly string[];
  /** Null if the engine returned no value. */
  readonly policyVersion: number | null;
  /**
   * Number of steps between the policy that wrote the rollout and the policy that learned from it; null if the rollout
   * was not used for training, or if the number was not recorded.
   */
  readonly offPolicySteps: number | null;
  /**
   * Messages by the policy and its environment after the prompt, with calls; null for a single answer. Taken from the
   * last transcript.
   */
  readonly turns: readonly AuthoredMessage[] | null;
  /** The limit that ended an attempt with several turns; null if none did. */
  readonly limit: Written['limit'] | null;
  readonly tokens: readonly number[];
  /** Natural log-probability at sampling time. */
  readonly logprobs: readonly number[];
  /** Entropy of the sampling distribution, in nats; null if not recorded. */
  readonly entropies: readonly number[] | null;
  /** Text of each token; null if the run's tokenizer is missing. */
  readonly pieces: readonly string[] | null;
}

/** A group of rollouts of the same problem, at this or any other step. */
export type Visit = Pick<Group, 'id' | 'step' | 'stage' | 'purpose' | 'correct' | 'trials' | 'rollouts'>;

/** `GET /api/runs/:run/groups/:id`. */
export interface GroupDetail {
  readonly group: Group;
  readonly prompt: readonly Message[];
  /** The gold answer; null for problems with tests. */
  readonly answer: string | null;
  readonly attempts: readonly Attempt[];
  /** All groups of the problem, including this one, in the order in which they were recorded. */
  readonly visits: readonly Visit[];
  /** Searches for this problem's answer that the same evaluation recorded; empty for most groups. */
  readonly searches: readonly ShownSearch[];
}

/** Decodes tokens one by one with a run's tokenizer; undefined if the tokenizer is missing. */
export type ReadPieces = (
  directory: string,
  tokens: readonly number[],
) => Promise<readonly string[] | undefined>;

/**
 * Returns a group with its complete rollouts.
 *
 * @throws RunError (`RUN_NOT_FOUND`) if the id is unknown.
 */
export async function groupDetailView(
  run: RunReader,
  id: number,
  readPieces?: ReadPieces,
): Promise<GroupDetail> {
  const found = findGroup(run, id);
  if (found === undefined) throw notFound(`${run.directory}: group ${id} not found`);
  const rows = await run.rollouts([found.place]);
  const flags = run.lists('SELECT flags FROM rollouts WHERE group_id = ? ORDER BY place', id) as [
    string | null,
  ][];
  const { problemId, purpose, step, stage } = found.group;
  const attempts = rows.map(async (row, place) => {
    const attempt = attemptOf(row);
    return {
      ...attempt,
      index: place,
      flags: JSON.parse(flags[place]?.[0] ?? '[]') as string[],
      pieces: (await readPieces?.(run.directory, attempt.tokens)) ?? null,
    };
  });
  return {
    group: found.group,
    prompt: rows[0]?.prompt ?? [],
    answer: rows[0]?.answer ?? null,
    attempts: await Promise.all(attempts),
    visits: visitsOf(run, problemId),
    searches: purpose === 'evaluate' ? searchesOf(run, step, stage, problemId) : [],
  };
}

function visitsOf(run: RunReader, problem: string): Visit[] {
  const rows = run.rows(
    'SELECT id, step, stage, purpose, correct, trials, rollouts FROM groups WHERE problem_id = ? ORDER BY id',
    problem,
  );
  return rows.map((row) => ({ ...row }) as unknown as Visit);
}

function attemptOf(row: RolloutRow): Omit<Attempt, 'index' | 'flags' | 'pieces'> {
  const { text, outcome, score, reward, advantage, reason, verifier } = row;
  const transcript = transcriptsOfRow(row).at(-1);
  const [from, to] = [transcript?.written[0]?.start ?? 0, transcript?.written.at(-1)?.end ?? 0];
  const written = (values: Int32Array | Float32Array | undefined): number[] =>
    Array.from(values?.subarray(from, to) ?? []);
  return {
    text,
    outcome,
    score,
    reward,
    advantage,
    reason,
    verifier,
    finishReason: row.finish_reason,
    evidence: row.evidence === null ? {} : (JSON.parse(row.evidence) as Record<string, unknown>),
    policyVersion: row.policy_version,
    offPolicySteps: row.off_policy_steps ?? null,
    turns: turnsOf(transcript),
    limit: transcript?.written.at(-1)?.limit ?? null,
    tokens: written(transcript?.tokens),
    logprobs: written(transcript?.logprobs),
    entropies: transcript?.entropies === undefined ? null : written(transcript.entropies),
  };
}

/** Returns the messages after the prompt; null if they are a single answer without calls. */
function turnsOf(transcript: Transcript | undefined): readonly AuthoredMessage[] | null {
  const messages = transcript?.messages.filter(({ author }) => author !== 'problem') ?? [];
  return messages.length > 1 || messages.some(({ calls }) => calls !== undefined) ? messages : null;
}
