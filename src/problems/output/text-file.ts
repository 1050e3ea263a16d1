import { closeSync, openSync, renameSync, rmSync, writeFileSync } from 'node:fs';

/** A text file that is being written line by line, and is there under its name once it is closed. */
export interface LineFile {
  write(line: string): void;
  /** Writes what is left and gives the file its name. */
  close(): void;
  /** Gives up: nothing is left of the file. */
  discard(): void;
}

/** Characters gathered before they are handed to the system. */
const gatherAtMost = 1 << 18;

/** Opens a file for lines. Until it is closed it is called `<path>.partial`, so nobody takes half a file for one. */
export function openLines(path: string): LineFile {
  const partial = `${path}.partial`;
  const file = openSync(partial, 'w');
  let gathered = '';
  const flush = (): void => {
    writeFileSync(file, gathered);
    gathered = '';
  };
  return {
    write(line) {
      gathered += `${line}\n`;
      if (gathered.length >= gatherAtMost) flush();
    },
    close() {
      flush();
      renameSync(partial, path);
      closeSync(file);
    },
    discard() {
      closeSync(file);
      rmSync(partial, { force: true });
    },
  };
}

/** Writes lines to a file as they come, all or, when they end in an error, none. Returns how many there are. */
export async function writeLines(path: string, lines: AsyncIterable<string>): Promise<number> {
  const file = openLines(path);
  let count = 0;
  try {
    for await (const line of lines) {
      file.write(line);
      count++;
    }
    file.close();
  } catch (error) {
    file.discard();
    throw error;
  }
  return count;
}
