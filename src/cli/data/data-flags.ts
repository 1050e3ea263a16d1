import { InvalidArgumentError, Option } from 'commander';
import type * as z from 'zod';
import { ConfigError } from '../../core/errors.ts';
import { type FileConfig, file, fileConfig } from '../../problems/file-source.ts';

/** Settings of a file source as flags give them: absent ones are `undefined`. */
type FileFlags = Readonly<Record<string, unknown>>;

/** The file source that flags describe. Throws a `ConfigError` that names the flag's part that is wrong. */
export function problemFile(path: string, flags: FileFlags = {}): FileConfig {
  const given = Object.fromEntries(Object.entries(flags).filter(([, value]) => value !== undefined));
  const parsed = fileConfig.safeParse({ ...file(path), ...given });
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new ConfigError(`${issue!.path.join('.')}: ${issue!.message}`, {
    tryNext: 'gradus data import --help',
  });
}

/** Reads `ours=theirs` into the pairs before it. */
export function addPair(text: string, before: Readonly<Record<string, string>> = {}): Record<string, string> {
  const split = text.indexOf('=');
  if (split > 0 && split < text.length - 1)
    return { ...before, [text.slice(0, split).trim()]: text.slice(split + 1).trim() };
  throw new InvalidArgumentError(`expected name=value, got ${JSON.stringify(text)}`);
}

/** Reads `a=1,b=2` into a new set of pairs after those before it. */
export function addPairs(
  text: string,
  before: readonly Readonly<Record<string, string>>[],
): Readonly<Record<string, string>>[] {
  return [
    ...before,
    text.split(',').reduce<Record<string, string>>((pairs, part) => addPair(part, pairs), {}),
  ];
}

/** `--on-error`. */
export function onErrorOption(): Option {
  return new Option('--on-error <what>', 'at a row that is no problem: stop, or skip and count it')
    .choices(['stop', 'skip'] satisfies z.input<typeof fileConfig>['onError'][])
    .default('stop');
}

/** Counts rows that were left out, and keeps what is said of the first few. */
export function skipCounter() {
  let skipped = 0;
  const first: string[] = [];
  return {
    onSkip(error: Error): void {
      if (++skipped <= 5) first.push(error.message);
    },
    result: () => ({ skipped, firstSkipped: first }),
    lines: () =>
      skipped === 0
        ? []
        : [`${skipped} rows left out, the first of them:`, ...first.map((line) => `  ${line}`)],
  };
}
