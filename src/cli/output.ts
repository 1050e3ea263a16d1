import type { Command } from 'commander';
import { GradusError } from '../core/errors.ts';
import { formatSeconds } from '../core/text/duration.ts';
import { printable } from '../core/text/printable.ts';
import { createFooter, type Footer } from './screen/footer.ts';

/** Output of a command: readable text, or, with `--json`, one JSON value per line, the result last. */
export interface Output {
  readonly isJson: boolean;
  /** Prints a line; does nothing with `--json`. */
  say(line: string): void;
  /** Prints a warning to stderr, even with `--json`. */
  warn(line: string): void;
  /** Prints an event as JSON; does nothing without `--json`. */
  event(event: Readonly<Record<string, unknown>>): void;
  /** Prints the result, always last: `value` with `--json`, else `text`. */
  result(value: unknown, text?: string): void;
  /**
   * Shows progress: redraws it in place on a terminal; prints at most one line every ten seconds elsewhere, and at most
   * one event per second with `--json`.
   */
  progress(label: string, done: number, total: number): void;
  /** Lines kept below all other output; absent without a terminal. */
  readonly footer?: Footer;
}

/** Creates the output of a command from the global `--json`. */
export function outputOf(command: Command): Output {
  return createOutput(command.optsWithGlobals<{ json?: boolean }>());
}

/** Writes results to stdout and progress to stderr. */
function createOutput({ json }: { readonly json?: boolean | undefined }): Output {
  const isJson = json === true;
  const footer = createFooter(process.stderr);
  const print = (line: string): void => {
    footer.clear();
    process.stdout.write(`${line}\n`);
  };
  const progress = isJson
    ? everySoOften({ everyMs: 1000 }, (label, done, total) =>
        print(JSON.stringify({ type: 'progress', label, done, total })),
      )
    : createProgressBar(footer);
  const isTerminal = process.stdout.isTTY && process.stderr.isTTY && process.env['TERM'] !== 'dumb';
  return {
    isJson,
    say: (line) => {
      if (!isJson) print(harmless(line));
    },
    warn: (line) => {
      footer.clear();
      process.stderr.write(`! ${harmless(line)}\n`);
    },
    event: (event) => {
      if (isJson) print(JSON.stringify(event));
    },
    result: (value, text) =>
      print(isJson ? JSON.stringify(value) : harmless(text ?? JSON.stringify(value, null, 2))),
    progress,
    ...(isTerminal && !isJson && { footer }),
  };
}

/** Makes control characters visible, so that names and model text cannot control the terminal. */
const harmless = (text: string): string => printable(text, { lines: true });

/** Draws a progress bar: ten frames per second on a terminal, one line every ten seconds elsewhere. */
function createProgressBar(footer: Footer): Output['progress'] {
  const { isTTY } = process.stderr;
  const draw = everySoOften(
    isTTY ? { everyMs: 100, atOnce: true } : { everyMs: 10_000 },
    (label, done, total, elapsedMs) => {
      const line = progressLine(printable(label), done, total, elapsedMs);
      if (isTTY) footer.draw([line]);
      else process.stderr.write(`${line}\n`);
    },
  );
  return (label, done, total) => (done >= total ? footer.clear() : draw(label, done, total));
}

/**
 * Limits how often unfinished progress is shown; the interval restarts with each label.
 * @param options.atOnce shows the first progress of a label immediately, not after `everyMs`.
 */
function everySoOften(
  { everyMs, atOnce = false }: { readonly everyMs: number; readonly atOnce?: boolean },
  show: (label: string, done: number, total: number, elapsedMs: number) => void,
): Output['progress'] {
  let label = '';
  let startedMs = 0;
  let lastMs = 0;
  return (next, done, total) => {
    const now = performance.now();
    if (next !== label) [label, startedMs, lastMs] = [next, now, atOnce ? -Infinity : now];
    if (done >= total || now - lastMs < everyMs) return;
    lastMs = now;
    show(label, done, total, now - startedMs);
  };
}

function progressLine(label: string, done: number, total: number, elapsedMs: number): string {
  const width = 24;
  const bar = '━'.repeat(Math.round((done / total) * width)).padEnd(width, '─');
  const left = done === 0 ? '' : ` · ${formatSeconds(((elapsedMs / done) * (total - done)) / 1000)} left`;
  return `${label} ${bar} ${done}/${total}${left}`;
}

const runExitCodes: Readonly<Record<string, number>> = { INTERRUPTED: 130, RUN_WENT_WRONG: 7 };

/**
 * Returns the exit code of an error: 1 bug in Gradus, 2 usage or configuration, 3 data, 4 engine, 5 run or disk,
 * 6 verifier or sandbox, 7 a run that finished but went wrong, 130 interrupted.
 */
export function exitCodeOf(error: unknown): number {
  if (!GradusError.isInstance(error)) return 1;
  switch (error.name) {
    case 'ConfigError':
      return 2;
    case 'DataError':
      return 3;
    case 'EngineError':
    case 'WorkerCrashed':
    case 'ProtocolError':
      return 4;
    case 'RunError':
      return runExitCodes[error.code ?? ''] ?? 5;
    case 'StorageError':
      return 5;
    case 'VerifierError':
    case 'SandboxError':
      return 6;
    default:
      return 1;
  }
}

/**
 * Prints an error as one message; the last line is the command to try next.
 * @param words command-line arguments after `gradus`.
 */
export function printError(error: unknown, json: boolean, words: readonly string[]): void {
  const isOurs = GradusError.isInstance(error);
  const tryNext = isOurs ? (error.tryNext ?? usualNextStep(error, words)) : undefined;
  if (json) {
    const { name, code, message } = isOurs
      ? error
      : { name: 'Error', code: 'UNEXPECTED', message: String(error) };
    console.error(JSON.stringify({ error: { name, code, message, tryNext } }));
  } else if (isOurs) {
    console.error(`error: ${printable(error.message, { lines: true })}`);
    console.error(`try: ${printable(tryNext!)}`);
  } else {
    console.error(error instanceof Error ? (error.stack ?? error.message) : String(error));
    console.error('This is a bug in Gradus. Please report it with the lines above.');
  }
}

/** Returns the default next command for an error without `tryNext`. */
function usualNextStep({ name }: GradusError, words: readonly string[]): string {
  switch (name) {
    case 'ConfigError':
    case 'DataError':
      return words[0] === 'train'
        ? 'fix the recipe, then: gradus train <recipe> --dry-run'
        : `fix the input, then: gradus ${words.map(shellWord).join(' ')}`;
    case 'RunError':
      return 'gradus runs list';
    default:
      return 'gradus doctor';
  }
}

/** Quotes a word for a POSIX shell. */
export const shellWord = (word: string): string =>
  /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", String.raw`'\''`)}'`;
