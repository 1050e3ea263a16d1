import type { Message, Problem } from '../../core/problem.ts';
import { answerOf, type Rollout } from '../../core/rollout.ts';
import type { AuthoredMessage, Transcript, Written } from '../../core/transcript.ts';
import type { RolloutRow } from './rollout-row.ts';

/*
 * Converts transcripts to columns of a shard, and back.
 */

/** Position of one transcript in the per-token columns. */
export interface StoredSpans {
  /** Number of tokens; 0 if the engine returned no token ids. */
  readonly length: number;
  readonly written: readonly Written[];
}

type TranscriptFields = Pick<
  RolloutRow,
  'token_ids' | 'token_logprobs' | 'token_entropies' | 'transcripts' | 'messages'
>;

/** Converts a rollout's transcripts to columns. */
export function transcriptColumns(rollout: Rollout, problem: Problem): TranscriptFields {
  const { transcripts } = rollout;
  const hasEntropies = transcripts.some(({ entropies }) => entropies !== undefined);
  const spans = transcripts.map(({ tokens, written }): StoredSpans => ({ length: tokens.length, written }));
  const usual = JSON.stringify([usualMessages(problem.prompt, answerOf(rollout))]);
  const messages = JSON.stringify(transcripts.map((transcript) => transcript.messages));
  return {
    token_ids: transcripts.flatMap(({ tokens }) => Array.from(tokens)),
    token_logprobs: transcripts.flatMap(({ logprobs }) => Array.from(logprobs)),
    token_entropies: hasEntropies
      ? transcripts.flatMap(({ tokens, entropies }) =>
          Array.from(entropies ?? new Float32Array(tokens.length)),
        )
      : null,
    transcripts: JSON.stringify(spans),
    messages: messages === usual ? null : messages,
  };
}

/** Rebuilds the transcripts of a stored rollout. */
export function transcriptsOfRow(
  row: TranscriptFields & Pick<RolloutRow, 'prompt' | 'text'>,
): readonly Transcript[] {
  const spans = JSON.parse(row.transcripts) as StoredSpans[];
  const messages =
    row.messages == null
      ? [usualMessages(row.prompt, row.text)]
      : (JSON.parse(row.messages) as AuthoredMessage[][]);
  let at = 0;
  return spans.map(({ length, written }, i) => {
    const [from, to] = [at, at + length];
    at = to;
    return {
      tokens: Int32Array.from(row.token_ids.slice(from, to)),
      logprobs: Float32Array.from(row.token_logprobs.slice(from, to)),
      ...(row.token_entropies != null && {
        entropies: Float32Array.from(row.token_entropies.slice(from, to)),
      }),
      written,
      messages: messages[i]!,
    };
  });
}

/** Returns the messages of a typical rollout: the problem's prompt, then one answer. */
const usualMessages = (prompt: readonly Message[], text: string): AuthoredMessage[] => [
  ...prompt.map(({ role, content, images }) => ({
    role,
    content,
    ...(images !== undefined && { images }),
    author: 'problem' as const,
  })),
  { role: 'assistant', content: text, author: 'policy' },
];

/** A row in the format used before November 2026, with separate prompt and completion. */
export interface LegacyRow extends Omit<RolloutRow, keyof TranscriptFields> {
  readonly prompt_tokens: number[];
  readonly tokens: number[];
  readonly rollout_logprobs: number[];
  readonly rollout_entropies?: number[] | null;
}

const perToken: readonly string[] = [
  'token_ids',
  'token_logprobs',
  'token_entropies',
  'transcripts',
] satisfies (keyof TranscriptFields)[];

/** Returns the legacy columns from which the requested columns are computed. */
export function legacyColumns(wanted: readonly string[]): string[] {
  const others = wanted.filter((name) => !perToken.includes(name) && name !== 'messages');
  if (!wanted.some((name) => perToken.includes(name))) return others;
  const needed = ['prompt_tokens', 'tokens', 'rollout_logprobs', 'rollout_entropies'];
  return [...new Set([...others, ...needed, 'policy_version', 'finish_reason'])];
}

/** Converts a legacy row to the requested current columns. */
export function upgradeRow(row: LegacyRow, wanted: readonly string[]): Partial<RolloutRow> {
  const upgraded = { ...row, ...(row.prompt_tokens === undefined ? {} : upgradeTokens(row)), messages: null };
  return Object.fromEntries(Object.entries(upgraded).filter(([name]) => wanted.includes(name)));
}

function upgradeTokens(row: LegacyRow): Omit<TranscriptFields, 'messages'> {
  const { prompt_tokens: prompt, tokens, rollout_logprobs: logprobs, rollout_entropies: entropies } = row;
  const given = prompt.map(() => 0);
  // If a rollout has no token ids for its completion, drop those of its prompt: alone, they would look like a
  // transcript.
  const ids = tokens.length === 0 ? [] : [...prompt, ...tokens];
  const span: Written = {
    start: prompt.length,
    end: prompt.length + tokens.length,
    policyVersion: row.policy_version ?? 0,
    finishReason: row.finish_reason,
  };
  const isLost = (row.policy_version ?? 0) < 0;
  return {
    token_ids: ids,
    token_logprobs: ids.length === 0 ? [] : [...given, ...logprobs],
    token_entropies: entropies == null || ids.length === 0 ? null : [...given, ...entropies],
    transcripts: JSON.stringify(
      isLost ? [] : [{ length: ids.length, written: [span] } satisfies StoredSpans],
    ),
  };
}
