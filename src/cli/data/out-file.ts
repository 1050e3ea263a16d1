import { lstatSync, statSync } from 'node:fs';
import { extname } from 'node:path';
import type { Command } from 'commander';
import { ConfigError } from '../../core/errors.ts';
import { isWrittenInPlace } from '../../storage/atomic.ts';

/** Flags of `addForceOption`. */
export interface ForceFlag {
  readonly force?: true;
}

/** Adds `--force`, which allows replacing existing output files. */
export const addForceOption = (command: Command): Command =>
  command.option('--force', 'replace existing output files');

const lineEndings: readonly string[] = ['.jsonl', '.json', '.ndjson', '.txt', ''];

/** Rejects a file name without an extension for JSON Lines, because readers select the format by the extension. */
export function requireLinesEnding(option: string, out: string | undefined): void {
  if (out === undefined || isWrittenInPlace(out)) return;
  const ending = extname(out).toLowerCase();
  if (lineEndings.includes(ending)) return;
  throw new ConfigError(
    `${option} ${out}: expected a name that ends in .jsonl, because the output is JSON Lines, got ${ending}`,
    { tryNext: 'for .parquet or .csv: gradus data export --help' },
  );
}

/**
 * Rejects an output file that is one of the inputs or, without `--force`, exists. Allows devices and pipes. Call it
 * before writing.
 *
 * @throws ConfigError naming the option.
 */
export function requireFreeOutput(
  option: string,
  out: string | undefined,
  inputs: readonly string[],
  { force }: ForceFlag,
): void {
  if (out === undefined || isWrittenInPlace(out)) return;
  const input = inputs.find((one) => isSameFile(one, out));
  if (input !== undefined) {
    throw new ConfigError(`${option} ${out}: expected a file other than the input ${input}`, {
      tryNext: `the same command with ${option} ${withoutEnding(out)}-2${extname(out)}`,
    });
  }
  if (force === true || lstatSync(out, { throwIfNoEntry: false })?.isFile() !== true) return;
  throw new ConfigError(`${option} ${out}: expected a new file, got an existing one, which was not changed`, {
    tryNext: `the same command with --force, which replaces ${out}`,
  });
}

/** Compares files instead of names, so that links to the same file are equal. */
function isSameFile(one: string, other: string): boolean {
  const [a, b] = [one, other].map((path) => statSync(path, { throwIfNoEntry: false, bigint: true }));
  return a !== undefined && b !== undefined && a.ino === b.ino && a.dev === b.dev;
}

const withoutEnding = (path: string): string => path.slice(0, path.length - extname(path).length);
