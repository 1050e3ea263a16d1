import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { runFingerprint } from '../../runs/reading/fingerprint.ts';
import { runLayout } from '../../runs/files/layout.ts';
import { isLocked } from '../../storage/file-lock.ts';
import { runFolders } from './views/run-list.ts';

/** `GET /api/changes`, server-sent events `change`: what to ask again. */
export interface Change {
  /** Folders of runs in which something was recorded, or that began, ended or went. */
  readonly runs: readonly string[];
}

/** Tells of changes in a folder of runs, to any number of listeners. */
export interface ChangeWatch extends Disposable {
  /** Every run is a change to begin with: a listener knows nothing yet. Call the result to hear no more. */
  subscribe(listener: (change: Change) => void): () => void;
}

/** How often the disk is asked while someone listens, milliseconds. */
const intervalMs = 1000;

/**
 * Watches by asking the disk for the times of two files a run, for all listeners at once and only while there are any:
 * notifications of the system are not to be had on every disk, and a run that is being written is never opened for it.
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
      // What is recorded from here on is noticed; everything before it is asked for now.
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

/** Folder → what was recorded in it, and whether a process has it open: equal only if nothing has changed. */
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

/** Taking a lock is written down, letting go of one is not when its process was killed: only a held one is looked at again. */
async function printOf(directory: string, before: Print | undefined): Promise<Print | undefined> {
  const files = await runFingerprint(directory);
  if (files === '') return undefined;
  if (files === before?.files && !before.isOpen) return before;
  const isOpen = isLocked(runLayout(directory).lock);
  return files === before?.files && isOpen === before.isOpen ? before : { files, isOpen };
}
