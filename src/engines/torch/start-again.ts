import { setTimeout as wait } from 'node:timers/promises';
import type { TorchConfig } from './config.ts';
import type { StartedWorker } from './supervisor.ts';

/** Returns whether the settings name a worker that serves one client after another. */
export const isListening = ({ remote }: Pick<TorchConfig, 'remote'>): boolean =>
  remote !== undefined && !remote.startsWith('ssh://');

/** Returns for how long, in milliseconds, to retry the start of a lost worker. */
function patienceMs(config: Pick<TorchConfig, 'remote' | 'cluster'>): number {
  // A cluster takes minutes to replace a lost node.
  if (config.cluster !== undefined) return 600_000;
  // A remote server keeps the session of a silent client for a minute before it accepts another client.
  return isListening(config) ? 90_000 : 0;
}

/** A clock in milliseconds and a function that pauses; tests replace it. */
export interface Clock {
  readonly now: () => number;
  readonly pause: (ms: number) => Promise<unknown>;
}

const realClock: Clock = { now: () => performance.now(), pause: (ms) => wait(ms) };

/**
 * Starts a worker in place of a lost one. For a Ray cluster and for a worker at an HTTP address, retries for some
 * minutes before it throws the last error.
 */
export async function startAgain(
  start: () => Promise<StartedWorker>,
  config: Pick<TorchConfig, 'remote' | 'cluster'>,
  { now, pause }: Clock = realClock,
): Promise<StartedWorker> {
  const giveUpAt = now() + patienceMs(config);
  for (;;) {
    try {
      return await start();
    } catch (error) {
      if (now() >= giveUpAt) throw error;
      await pause(2000);
    }
  }
}
