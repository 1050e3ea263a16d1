import { callsOf, environmentReward, type Rollout } from '../../core/rollout.ts';
import { promptLength, writtenCount } from '../../core/transcript.ts';
import { mean } from '../../statistics/summary.ts';

/** Returns metrics of attempts with several turns; an empty object if every attempt has only one turn and no call. */
export function turnMetrics(rollouts: readonly Rollout[]): Record<string, number> {
  const attempts = rollouts.filter(({ transcripts }) => transcripts.length > 0);
  const calls = attempts.map(callsOf);
  const turns = attempts.map(({ transcripts }) =>
    transcripts.reduce((sum, { written }) => sum + written.length, 0),
  );
  const all = calls.flat();
  if (all.length === 0 && turns.every((count) => count <= 1)) return {};
  const share = (outcome: string): number => mean(all.map((call) => Number(call.outcome === outcome)));
  const isRewarded = attempts.some(({ transcripts }) =>
    transcripts.some(({ written }) => written.some(({ reward }) => reward !== undefined)),
  );
  return {
    'rollout/turns': mean(turns),
    'tool/calls': mean(calls.map(({ length }) => length)),
    'tool/used': mean(calls.map((own) => Number(own.some(({ outcome }) => outcome === 'ok')))),
    ...(all.length > 0 && {
      'tool/failed': share('failed'),
      'tool/malformed': share('malformed'),
      'tool/refused': share('refused'),
    }),
    'tool/givenTokens': mean(attempts.map(givenTokens)),
    ...(isRewarded && { 'tool/reward': mean(attempts.map(environmentReward)) }),
  };
}

const givenTokens = ({ transcripts }: Rollout): number =>
  transcripts.reduce(
    (sum, transcript) => sum + transcript.tokens.length - promptLength(transcript) - writtenCount(transcript),
    0,
  );
