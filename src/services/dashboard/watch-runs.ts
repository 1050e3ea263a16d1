import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { runFingerprint } from '../../runs/reading/fingerprint.ts';
import { runLayout } from '../../runs/files/layout.ts';
import { isLocked } from '../../storage/file-lock.ts';
import { runFolders } from './views/run-list.ts';

/** Data of a `change` event of `GET /api/changes`: the runs to reload. */
export interface Change {
  /** Folders of runs that recorded something, started, ended or were removed. */
  readonly runs: readonly string[];
}

/** Watches a folder of runs for any number of listeners. */
export interface ChangeWatch extends Disposable {
  /** Calls the listener first with all runs, then with changes. Returns a function that unsubscribes. */
  subscribe(listener: (change: Change) => void): () => void;
}

/** Milliseconds between polls while there are listeners. */
const intervalMs = 1000;

/**
 * Watches runs by polling the modification times of three files per run, once for all listeners and only while there
 * are listeners. It polls because file-system notifications do not work on every disk. It does not open runs.
 */
export function watchRuns(root: string): ChangeWatch {
  const listeners = new Set<(change: Change) => void>();
  let known: Prints = new Map();
  let watch: { readonly end: AbortController; readonly ready: Promise<void> } | undefined;
  const look = async (): Promise<void> => {
    const before = known;
    known = await printsOf(root, before);
    const folders = [...new Set([...before.keys(), ...known.keys()])];
    const runs = folders.filter((folder) => before.get(folder) !== known.get(folder));
    if (runs.length > 0) for (const listener of listeners) listener({ runs });
  };
  const lookAgain = async (signal: AbortSignal): Promise<void> => {
    for (;;) {
      await setTimeout(intervalMs, undefined, { ref: false });
      if (signal.aborted) return;
      await look();
    }
  };
  const begin = () => {
    const end = new AbortController();
    const ready = printsOf(root, new Map()).then((prints) => {
      known = prints;
    });
    void ready.then(() => lookAgain(end.signal));
    return { end, ready };
  };
  const stop = (): void => {
    watch?.end.abort();
    watch = undefined;
  };
  return {
    subscribe: (listener) => {
      listeners.add(listener);
      watch ??= begin();
      // Only later changes will be detected, so the listener must load everything now.
      void watch.ready.then(() => {
        if (listeners.has(listener)) listener({ runs: [...known.keys()] });
      });
      return () => {
        listeners.delete(listener);
        if (listeners.size === 0) stop();
      };
    },
    [Symbol.dispose]: () => {
      listeners.clear();
      stop();
    },
  };
}

/**
 * Maps a folder to the fingerprint of its files and whether a process has it open. Unchanged runs keep the same object.
 */
type Prints = ReadonlyMap<string, Print>;
interface Print {
  readonly files: string;
  readonly isOpen: boolean;
}

async function printsOf(root: string, before: Prints): Promise<Prints> {
  const folders = await runFolders(root);
  const prints = await Promise.all(
    folders.map(async (folder) => [folder, await printOf(join(root, folder), before.get(folder))] as const),
  );
  return new Map(prints.filter((entry): entry is [string, Print] => entry[1] !== undefined));
}

/**
 * Reads the state of a run. Checks the lock again if it was held: taking a lock changes the files, but a killed process
 * loses its lock without a change.
 */
async function printOf(directory: string, before: Print | undefined): Promise<Print | undefined> {
  const files = await runFingerprint(directory);
  if (files === '') return undefined;
  if (files === before?.files && !before.isOpen) return before;
  const isOpen = isLocked(runLayout(directory).lock);
  return files === before?.files && isOpen === before.isOpen ? before : { files, isOpen };
}
