import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { type Case, completionOf, type Score, scoreOf } from './cases.ts';

interface PeerVerdict {
  readonly isEqual: boolean;
  readonly ms: number;
}

const script = fileURLToPath(new URL('peer.py', import.meta.url));

/** Scores Math-Verify on the same cases, if `python` can import it. */
export function runPeer(python: string, cases: readonly Case[]): Score | undefined {
  const input = JSON.stringify(
    cases.map((item) => ({
      gold: item.gold,
      pred: item.style === 'answer' ? completionOf(item) : item.pred,
    })),
  );
  const result = spawnSync(python, [script], { input, encoding: 'utf8', maxBuffer: 1 << 26 });
  if (result.status !== 0) return undefined;
  const verdicts = JSON.parse(result.stdout) as readonly PeerVerdict[];
  return scoreOf(
    cases,
    verdicts.map(({ isEqual }) => isEqual),
    verdicts.map(({ ms }) => ms),
  );
}
