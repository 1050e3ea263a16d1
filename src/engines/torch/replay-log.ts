import type { Ask } from './connection.ts';

/** An update that must be repeated if the worker is lost, with the policy version that it produced. */
export type Update =
  | { readonly type: 'forwardBackward'; readonly ask: Ask<'forwardBackward'> }
  | { readonly type: 'optimStep'; readonly ask: Ask<'optimStep'>; readonly policyVersion: number };

/** A state on disk, and how it was loaded. */
export type ReplayBase = Ask<'loadState'>['fields'];

/** Log from which a new worker is restored: a state on disk, and the updates since then. */
export interface ReplayLog {
  /** The state to start from; `null`: the model as loaded. */
  readonly base: ReplayBase | null;
  readonly updates: readonly Update[];
  /** Size of the updates in bytes. */
  readonly bytes: number;
  /** False after `forget`: a worker cannot be restored until `restartFrom` or `startFrom`. */
  readonly isComplete: boolean;

  /** Records an update that took effect. */
  add(update: Update): void;
  /** Records that the accumulated gradient was dropped. */
  dropGradient(): void;
  /** Records that a state was written; `restartFrom` may name its final folder later. */
  saved(): void;
  /** Restarts from the state written last, which stays in `dir`. Ignored if `startFrom` is newer. */
  restartFrom(dir: string): void;
  /** Restarts from a state that equals the current one when it is loaded with these fields. */
  startFrom(base: ReplayBase): void;
  /** Frees memory: drops the updates before the last `saved`, or all of them. */
  forget(): void;
}

/** Creates an empty log for a newly loaded model. */
export function createReplayLog(): ReplayLog {
  let base: ReplayBase | null = null;
  let updates: Update[] = [];
  let isComplete = true;
  /** Index of the first update after the last written state; `null` if there is no such state. */
  let mark: number | null = null;

  const begin = (from: ReplayBase, since: readonly Update[]): void => {
    base = from;
    updates = [...since];
    isComplete = true;
    mark = null;
  };

  return {
    get base() {
      return base;
    },
    get updates() {
      return updates;
    },
    get bytes() {
      return updates.reduce((sum, { ask }) => sum + bytesOf(ask), 0);
    },
    get isComplete() {
      return isComplete;
    },
    add: (update) => {
      if (isComplete || mark !== null) updates.push(update);
    },
    dropGradient: () => {
      while (updates.at(-1)?.type === 'forwardBackward') updates.pop();
    },
    saved: () => {
      mark = updates.length;
    },
    restartFrom: (dir) => {
      if (mark !== null) begin({ dir }, updates.slice(mark));
    },
    startFrom: (from) => begin(from, []),
    forget: () => {
      isComplete = false;
      updates = mark === null ? [] : updates.slice(mark);
      if (mark !== null) mark = 0;
    },
  };
}

const bytesOf = ({ tensors = {} }: Ask<'forwardBackward' | 'optimStep'>): number =>
  Object.values(tensors).reduce((sum, { byteLength }) => sum + byteLength, 0);
