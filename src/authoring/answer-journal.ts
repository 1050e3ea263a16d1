import { appendFileSync, existsSync, readFileSync, rmSync, truncateSync } from 'node:fs';
import { isDeepStrictEqual } from 'node:util';
import { ConfigError, DataError } from '../core/errors.ts';
import { noSpending, type Spending } from '../core/spending.ts';
import { explainSystemError } from '../storage/system-error.ts';

/** A model's answers by key, stored in a file beside the output until the output is complete. */
export interface AnswerJournal {
  get(key: string): string | undefined;
  /** Appends an answer to the file. */
  record(key: string, answer: string): void;
  /** Spending on all answers so far, summed over all invocations of the command. */
  readonly spent: Spending;
  recordSpending(total: Spending): void;
  remove(): void;
}

type Line =
  | { readonly settings: unknown }
  | { readonly key: string; readonly answer: string }
  | { readonly spent: Spending };

/**
 * Opens or creates a journal. Drops an incomplete last line, which a killed process leaves behind.
 *
 * @param settings everything that determines the answers.
 * @throws ConfigError if the journal was written with different settings; DataError if a line is damaged.
 */
export function openAnswerJournal(path: string, settings: object): AnswerJournal {
  const lines = existsSync(path) ? wholeLines(path) : [];
  const append = (line: Line): void => {
    try {
      appendFileSync(path, `${JSON.stringify(line)}\n`);
    } catch (error) {
      throw explainSystemError(error, path);
    }
  };
  const [first] = lines;
  if (first === undefined) append({ settings });
  else if (!('settings' in first) || !isDeepStrictEqual(first.settings, JSON.parse(JSON.stringify(settings))))
    throw new ConfigError(
      `${path}: expected answers made with the same input, model and settings, got an answers file with ${JSON.stringify(first)}`,
      { tryNext: `rm ${path}` },
    );
  const answers = new Map(lines.flatMap((line) => ('key' in line ? [[line.key, line.answer] as const] : [])));
  let spent = lines.findLast((line) => 'spent' in line)?.spent ?? noSpending;
  return {
    get: (key) => answers.get(key),
    record: (key, answer) => {
      answers.set(key, answer);
      append({ key, answer });
    },
    get spent() {
      return spent;
    },
    recordSpending: (total) => {
      spent = total;
      append({ spent });
    },
    remove: () => rmSync(path, { force: true }),
  };
}

function wholeLines(path: string): Line[] {
  const text = readFileSync(path, 'utf8');
  const whole = text.slice(0, text.lastIndexOf('\n') + 1);
  if (whole.length < text.length) truncateSync(path, Buffer.byteLength(whole));
  return whole
    .split('\n')
    .filter((line) => line !== '')
    .map((line, index) => {
      try {
        return JSON.parse(line) as Line;
      } catch (cause) {
        const shown = JSON.stringify(line.slice(0, 60));
        throw new DataError(`${path}: expected JSON in line ${index + 1}, got ${shown}; remove that line`, {
          cause,
        });
      }
    });
}
