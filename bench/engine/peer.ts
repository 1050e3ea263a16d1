import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { models } from './models.ts';
import type { SamplingResult } from './sampling.ts';
import type { TrainingResult } from './training.ts';

/** Speed of PyTorch and transformers on the same work. */
export interface PeerResult {
  readonly torch: string;
  /** Milliseconds of the fastest step of each training case. */
  readonly stepMs: readonly number[];
  /** Best rate of each sampling case. */
  readonly tokensPerSecond: readonly number[];
}

/** Number of repetitions; the best one is reported. */
const rounds = 3;

/** Runs `peer.py` on 2 threads with a Python that has torch and transformers. */
export function measurePeer(
  python: string,
  training: readonly Pick<TrainingResult, 'model' | 'rows' | 'positions'>[],
  sampling: readonly Pick<SamplingResult, 'model' | 'sequences' | 'maxTokens'>[],
): PeerResult {
  const script = fileURLToPath(new URL('peer.py', import.meta.url));
  const input = JSON.stringify({ models, training, sampling, rounds, threads: 2 });
  const output = execFileSync(python, [script], {
    input,
    encoding: 'utf8',
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  return JSON.parse(output.trim().split('\n').at(-1)!) as PeerResult;
}
