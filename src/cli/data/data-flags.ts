import { InvalidArgumentError, Option } from 'commander';
import type * as z from 'zod';
import { ConfigError } from '../../core/errors.ts';
import { countOf } from '../../core/text/count.ts';
import { type FileConfig, file, fileConfig } from '../../problems/file-source.ts';

/** Settings of a file source, from flags; absent settings are `undefined`. */
type FileFlags = Readonly<Record<string, unknown>>;

/** Builds a file source from flags. Throws a `ConfigError` naming the invalid setting. */
export function problemFile(path: string, flags: FileFlags = {}): FileConfig {
  const given = Object.fromEntries(Object.entries(flags).filter(([, value]) => value !== undefined));
  const parsed = fileConfig.safeParse({ ...file(path), ...given });
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new ConfigError(`${issue!.path.join('.')}: ${issue!.message}`, {
    tryNext: 'gradus data import --help',
  });
}

/** Parses `ours=theirs` and adds it to earlier pairs. */
export function addPair(text: string, before: Readonly<Record<string, string>> = {}): Record<string, string> {
  const split = text.indexOf('=');
  if (split > 0 && split < text.length - 1)
    return { ...before, [text.slice(0, split).trim()]: text.slice(split + 1).trim() };
  throw new InvalidArgumentError(`expected name=value, got ${JSON.stringify(text)}`);
}

/** Parses `a=1,b=2` and appends it to earlier sets of pairs. */
export function addPairs(
  text: string,
  before: readonly Readonly<Record<string, string>>[],
): Readonly<Record<string, string>>[] {
  return [
    ...before,
    text.split(',').reduce<Record<string, string>>((pairs, part) => addPair(part, pairs), {}),
  ];
}

/** Creates the option `--on-error`. */
export function onErrorOption(): Option {
  return new Option('--on-error <what>', 'on an invalid row: stop, or skip and count it')
    .choices(['stop', 'skip'] satisfies z.input<typeof fileConfig>['onError'][])
    .default('stop');
}

/** Counts skipped rows and keeps the first few messages. */
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
        : [`skipped ${countOf(skipped, 'row')}; first errors:`, ...first.map((line) => `  ${line}`)],
  };
}
