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
 * One judged attempt at a problem. A failed attempt is data too: an `ungradable` verdict, and no transcript where the
 * engine returned none.
 */
export interface Rollout {
  readonly problemId: string;
  /** 0-based place within its group; with the seed it decides all sampling randomness. */
  readonly index: number;
  /** One transcript, or several where an attempt forks or its history is rewritten. */
  readonly transcripts: readonly Transcript[];
  readonly verdict: Verdict;
  /** Scores of the steps of the last transcript; null where a step was not scored. */
  readonly stepScores?: readonly (number | null)[];
}

/** All attempts at one problem, from one start, by one policy version: the unit group-relative methods learn from. */
export interface RolloutGroup {
  readonly problem: Problem;
  /** Where the attempts began; absent: at the prompt. */
  readonly start?: Start;
  readonly rollouts: readonly Rollout[];
}

/** Whether a group's outcomes count towards the problem's own pass rate: only if its attempts began at the prompt. */
export const isFromPrompt = ({ start }: Pick<RolloutGroup, 'start'>): boolean => start === undefined;

type Attempt = Pick<Rollout, 'transcripts'>;

/** The answer that was judged: the policy's last message. */
export const answerOf = ({ transcripts }: Attempt): string =>
  transcripts.length === 0 ? '' : lastAnswer(transcripts.at(-1)!);

/** Tokens the policy wrote, in all transcripts. */
export const writtenTokens = ({ transcripts }: Attempt): number =>
  transcripts.reduce((sum, transcript) => sum + writtenCount(transcript), 0);

/** Sum of the rewards that environments gave to the turns; 0 where they gave none. */
export const environmentReward = ({ transcripts }: Attempt): number =>
  transcripts.reduce((sum, { written }) => written.reduce((total, { reward = 0 }) => total + reward, sum), 0);

/** All calls of the attempt, in order. */
export const callsOf = ({ transcripts }: Attempt): readonly ToolCall[] =>
  transcripts.flatMap(({ messages }) => messages.flatMap(({ calls = [] }) => calls));

/** Why the attempt ended; `error` where the engine returned nothing. */
export const finishReasonOf = ({ transcripts }: Attempt): FinishReason =>
  transcripts.at(-1)?.written.at(-1)?.finishReason ?? 'error';

/** The policy version that began the attempt; null where the engine returned nothing. */
export const policyVersionOf = ({ transcripts }: Attempt): number | null =>
  transcripts[0]?.written[0]?.policyVersion ?? null;
