import type { AuthoredMessage, CallOutcome } from '../../core/transcript.ts';
import type { RolloutRow } from '../files/rollout-row.ts';

/** Properties of an attempt's turns, derived from its row. */
export interface RowTurns {
  /** Number of turns by the policy; at least 1. */
  readonly turns: number;
  /** Distinct outcomes of the attempt's tool calls. */
  readonly calls: ReadonlySet<CallOutcome>;
  /** Whether the beginning of the answer was given. */
  readonly isGiven: boolean;
  /** Everything that the policy and its environment wrote after the prompt. */
  readonly text: string;
}

/** Summarises the turns of a stored rollout; uses its last transcript if history was rewritten. */
export function rowTurns({ text, messages }: Pick<RolloutRow, 'text' | 'messages'>): RowTurns {
  if (messages == null) return { turns: 1, calls: new Set(), isGiven: false, text };
  const transcripts = JSON.parse(messages) as AuthoredMessage[][];
  const written = (transcripts.at(-1) ?? []).filter(({ author }) => author !== 'problem');
  return {
    turns: Math.max(1, written.filter(({ author }) => author === 'policy').length),
    calls: new Set(written.flatMap(({ calls = [] }) => calls.map(({ outcome }) => outcome))),
    isGiven: written.some(({ author }) => author === 'start'),
    text: written.map(({ content }) => content).join('\n'),
  };
}

/**
 * Returns the answer that a verifier extracted, from the stored evidence; undefined if the evidence contains no
 * answer.
 */
export function extractedAnswer(evidence: string | null): string | undefined {
  try {
    const { extracted } = JSON.parse(evidence ?? '{}') as { extracted?: unknown };
    return typeof extracted === 'string' ? extracted : undefined;
  } catch {
    return undefined;
  }
}
