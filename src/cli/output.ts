import { GradusError } from '../core/errors.ts';

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

const redrawMs = 100;
const lineMs = 10_000;

/** Output on stdout (results) and stderr (progress). */
export function createOutput({ json }: { readonly json?: boolean | undefined }): Output {
  const isTerminal = process.stderr.isTTY;
  let drawn = false;
  let started = performance.now();
  let last = -Infinity;
  let current = '';

  const clear = (): void => {
    if (drawn) process.stderr.write('\r\u001b[2K');
    drawn = false;
  };
  const print = (line: string): void => {
    clear();
    process.stdout.write(`${line}\n`);
  };

  return {
    isJson: json === true,
    say: (line) => {
      if (json !== true) print(line);
    },
    event: (event) => {
      if (json === true) print(JSON.stringify(event));
    },
    result: (value, text) =>
      print(json === true ? JSON.stringify(value) : (text ?? JSON.stringify(value, null, 2))),
    progress: (label, done, total) => {
      if (json === true) return;
      const now = performance.now();
      if (label !== current) [current, started, last] = [label, now, -Infinity];
      const isDue = now - last >= (isTerminal ? redrawMs : lineMs) && (isTerminal || last !== -Infinity);
      if (last === -Infinity && !isTerminal) last = now;
      if (!isDue && done < total) return;
      if (done >= total && !isTerminal && last === now) return;
      last = now;
      const line = progressLine(label, done, total, now - started);
      if (isTerminal) {
        process.stderr.write(`\r\u001b[2K${line}`);
        drawn = true;
        if (done >= total) clear();
      } else if (done < total) process.stderr.write(`${line}\n`);
    },
  };
}

function progressLine(label: string, done: number, total: number, elapsedMs: number): string {
  const share = total === 0 ? 1 : done / total;
  const width = 24;
  const bar = '━'.repeat(Math.round(share * width)).padEnd(width, '─');
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
  if (json) {
    const { name, code, message, tryNext } = GradusError.isInstance(error)
      ? error
      : { name: 'Error', code: 'UNEXPECTED', message: String(error), tryNext: undefined };
    console.error(JSON.stringify({ error: { name, code, message, tryNext } }));
    return;
  }
  if (!GradusError.isInstance(error)) {
    console.error(error instanceof Error ? (error.stack ?? error.message) : String(error));
    console.error('This is a bug in Gradus. Please report it with the lines above.');
    return;
  }
  console.error(`error: ${error.message}`);
  if (error.tryNext !== undefined) console.error(`try: ${error.tryNext}`);
}
