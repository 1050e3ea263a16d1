import type { Command } from 'commander';
import { GradusError } from '../core/errors.ts';
import { printable } from '../core/printable.ts';

/** Where a command speaks: people get text, `--json` gets one JSON object a line, the last being the result. */
export interface Output {
  readonly isJson: boolean;
  /** A line for people; nothing with `--json`. */
  say(line: string): void;
  /** Something that happened, for machines; nothing without `--json`. */
  event(event: Readonly<Record<string, unknown>>): void;
  /** The command's result: printed last. `text` is what people see of it. */
  result(value: unknown, text?: string): void;
  /** A progress line: redrawn in place on a terminal, at most every ten seconds elsewhere. */
  progress(label: string, done: number, total: number): void;
}

/** The output a command was asked for by the global `--json`. */
export function outputOf(command: Command): Output {
  return createOutput(command.optsWithGlobals<{ json?: boolean }>());
}

/** Output on stdout (results) and stderr (progress). */
function createOutput({ json }: { readonly json?: boolean | undefined }): Output {
  const isJson = json === true;
  const bar = createProgressBar();
  const print = (line: string): void => {
    bar.clear();
    process.stdout.write(`${line}\n`);
  };
  return {
    isJson,
    say: (line) => {
      if (!isJson) print(harmless(line));
    },
    event: (event) => {
      if (isJson) print(JSON.stringify(event));
    },
    result: (value, text) =>
      print(isJson ? JSON.stringify(value) : harmless(text ?? JSON.stringify(value, null, 2))),
    progress: (label, done, total) => {
      if (!isJson) bar.draw(printable(label), done, total);
    },
  };
}

/** Whatever a line is made of, names from files and texts of models included, a terminal only shows it. */
const harmless = (text: string): string => printable(text, { lines: true });

/** A bar that redraws itself ten times a second on a terminal, and writes a line every ten seconds elsewhere. */
function createProgressBar(): { draw(label: string, done: number, total: number): void; clear(): void } {
  const isTerminal = process.stderr.isTTY;
  const intervalMs = isTerminal ? 100 : 10_000;
  let label = '';
  let startedMs = 0;
  let lastMs = 0;
  let isDrawn = false;

  const clear = (): void => {
    if (isDrawn) process.stderr.write('\r\u001b[2K');
    isDrawn = false;
  };
  const draw = (next: string, done: number, total: number): void => {
    const now = performance.now();
    if (next !== label) [label, startedMs, lastMs] = [next, now, isTerminal ? 0 : now];
    if (done >= total) return clear();
    if (now - lastMs < intervalMs) return;
    lastMs = now;
    const line = progressLine(label, done, total, now - startedMs);
    process.stderr.write(isTerminal ? `\r\u001b[2K${line}` : `${line}\n`);
    isDrawn = isTerminal;
  };
  return { draw, clear };
}

function progressLine(label: string, done: number, total: number, elapsedMs: number): string {
  const width = 24;
  const bar = '━'.repeat(Math.round((done / total) * width)).padEnd(width, '─');
  const left = done === 0 ? '' : ` · ${formatSeconds(((elapsedMs / done) * (total - done)) / 1000)} left`;
  return `${label} ${bar} ${done}/${total}${left}`;
}

/** `75` → `1 min 15 s`. */
export function formatSeconds(seconds: number): string {
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`;
}

/**
 * Exit codes, by the family of the error that ended the command: 1 a bug of ours, 2 usage or configuration, 3 data,
 * 4 engine, 5 run, 6 verifier or sandbox, 130 interrupted.
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
      return error.code === 'INTERRUPTED' ? 130 : 5;
    case 'VerifierError':
    case 'SandboxError':
      return 6;
    default:
      return 1;
  }
}

/** Prints an error as one message; its last line is the command to try next. */
export function printError(error: unknown, json: boolean): void {
  const isOurs = GradusError.isInstance(error);
  const tryNext = isOurs ? (error.tryNext ?? usualNextStep(error)) : undefined;
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

/** What shows more, where an error does not name it. */
function usualNextStep({ name }: GradusError): string {
  switch (name) {
    case 'ConfigError':
    case 'DataError':
      return 'mend it, then: gradus train <recipe> --dry-run';
    case 'RunError':
      return 'gradus runs list';
    default:
      return 'gradus doctor';
  }
}
