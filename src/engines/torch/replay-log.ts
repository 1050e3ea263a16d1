import type { Ask } from './connection.ts';

/** An update that a lost worker took with it, and the policy version it led to. */
export type Update =
  | { readonly type: 'forwardBackward'; readonly ask: Ask<'forwardBackward'> }
  | { readonly type: 'optimStep'; readonly ask: Ask<'optimStep'>; readonly policyVersion: number };

/** What brings a fresh worker to where another was: a state on the disk, then the updates since. */
export interface ReplayLog {
  /** The state to begin with; `null`: the model as it is loaded. */
  readonly base: string | null;
  readonly updates: readonly Update[];
  /** Bytes that the updates take. */
  readonly bytes: number;
  /** False after `forget`, until `restartFrom` or `startFrom`: there is no way back. */
  readonly isComplete: boolean;

  /** An update took effect. */
  add(update: Update): void;
  /** The gradient that has been accumulated was dropped. */
  dropGradient(): void;
  /** A state was written; where it will be kept is said by `restartFrom`, or never. */
  saved(): void;
  /** The state that was written last is, and stays, in `dir`. Where `startFrom` was newer, nothing changes. */
  restartFrom(dir: string): void;
  /** The state in `dir` is where things are now. */
  startFrom(dir: string): void;
  /** Gives the memory back: the updates before the last `saved`, or all of them. */
  forget(): void;
}

/** An empty log: of a model as it was loaded. */
export function createReplayLog(): ReplayLog {
  let base: string | null = null;
  let updates: Update[] = [];
  let isComplete = true;
  /** The updates from here on came after the state that was written last; `null`: none was. */
  let mark: number | null = null;

  const begin = (dir: string, since: readonly Update[]): void => {
    base = dir;
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
      if (mark !== null) begin(dir, updates.slice(mark));
    },
    startFrom: (dir) => begin(dir, []),
    forget: () => {
      isComplete = false;
      updates = mark === null ? [] : updates.slice(mark);
      if (mark !== null) mark = 0;
    },
  };
}

const bytesOf = ({ tensors = {} }: Ask<'forwardBackward' | 'optimStep'>): number =>
  Object.values(tensors).reduce((sum, { byteLength }) => sum + byteLength, 0);
