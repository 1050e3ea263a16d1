import type { Problem } from './problem.ts';
import {
  type FinishReason,
  lastAnswer,
  type Start,
  type ToolCall,
  type Transcript,
  writtenCount,
} from './transcript.ts';
import type { Verdict } from './verdict.ts';

/**
 * One judged attempt at a problem. A failed attempt is also recorded: with an `ungradable` verdict, and
 * without a transcript if the engine returned none.
 */
export interface Rollout {
  readonly problemId: string;
  /** 0-based index within its group; with the seed, it determines all sampling randomness. */
  readonly index: number;
  /** One transcript, or several if the attempt forks or rewrites its history; empty if the engine returned none. */
  readonly transcripts: readonly Transcript[];
  readonly verdict: Verdict;
  /** Scores of the steps of the last transcript; null if a step was not scored. */
  readonly stepScores?: readonly (number | null)[];
}

/** Attempts at one problem, from one start, by one policy version: the unit from which group-relative methods learn. */
export interface RolloutGroup {
  readonly problem: Problem;
  /** Where the attempts began; absent: at the prompt. */
  readonly start?: Start;
  readonly rollouts: readonly Rollout[];
}

/** Returns whether a group's attempts began at the prompt: only such groups count towards the problem's pass rate. */
export const isFromPrompt = ({ start }: Pick<RolloutGroup, 'start'>): boolean => start === undefined;

type Attempt = Pick<Rollout, 'transcripts'>;

/** Returns the answer that was judged: the policy's last message; empty if there is no transcript. */
export const answerOf = ({ transcripts }: Attempt): string =>
  transcripts.length === 0 ? '' : lastAnswer(transcripts.at(-1)!);

/** Returns the number of tokens that the policy wrote, in all transcripts. */
export const writtenTokens = ({ transcripts }: Attempt): number =>
  transcripts.reduce((sum, transcript) => sum + writtenCount(transcript), 0);

/** Returns the sum of the rewards that environments gave to the turns; 0 if they gave none. */
export const environmentReward = ({ transcripts }: Attempt): number =>
  transcripts.reduce((sum, { written }) => written.reduce((total, { reward = 0 }) => total + reward, sum), 0);

/** Returns all tool calls of the attempt, in order. */
export const callsOf = ({ transcripts }: Attempt): readonly ToolCall[] =>
  transcripts.flatMap(({ messages }) => messages.flatMap(({ calls = [] }) => calls));

/** Returns why the attempt ended; `error` if the engine returned nothing. */
export const finishReasonOf = ({ transcripts }: Attempt): FinishReason =>
  transcripts.at(-1)?.written.at(-1)?.finishReason ?? 'error';

/** Returns the policy version that began the attempt; null if the engine returned nothing. */
export const policyVersionOf = ({ transcripts }: Attempt): number | null =>
  transcripts[0]?.written[0]?.policyVersion ?? null;
