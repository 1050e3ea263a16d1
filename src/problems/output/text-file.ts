import { closeSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { draftOf, isWrittenInPlace, publishDraft } from '../../storage/atomic.ts';
import { explainSystemError } from '../../storage/system-error.ts';

/** A text file written line by line and renamed into place on close. Devices and pipes are written directly. */
export interface LineFile {
  write(line: string): void;
  /** Writes the remaining lines and renames the draft to its final path. */
  close(): Promise<void>;
  /** Closes the file and removes the draft, if there is one. */
  discard(): void;
}

/** Maximum number of characters buffered before a write. */
const bufferedAtMost = 1 << 18;

/** Opens a text file for writing line by line. */
export function openLines(path: string): LineFile {
  const inPlace = isWrittenInPlace(path);
  const draft = inPlace ? path : draftOf(path);
  const file = explained(path, () => openSync(draft, 'w'));
  let isOpen = true;
  let buffered = '';
  const flush = (): void => {
    explained(path, () => writeFileSync(file, buffered));
    buffered = '';
  };
  const shut = (): void => {
    if (isOpen) closeSync(file);
    isOpen = false;
  };
  return {
    write(line) {
      buffered += `${line}\n`;
      if (buffered.length >= bufferedAtMost) flush();
    },
    async close() {
      flush();
      shut();
      if (!inPlace) await publishDraft(draft, path);
    },
    discard() {
      shut();
      if (!inPlace) rmSync(draft, { force: true });
    },
  };
}

function explained<T>(path: string, action: () => T): T {
  try {
    return action();
  } catch (error) {
    throw explainSystemError(error, path);
  }
}

/** Streams lines into a file, atomically except for devices and pipes. Returns the number of lines. */
export async function writeLines(path: string, lines: AsyncIterable<string>): Promise<number> {
  const file = openLines(path);
  let count = 0;
  try {
    for await (const line of lines) {
      file.write(line);
      count++;
    }
    await file.close();
  } catch (error) {
    file.discard();
    throw error;
  }
  return count;
}
