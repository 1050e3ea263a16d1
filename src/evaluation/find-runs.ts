import { existsSync, globSync } from 'node:fs';
import { basename } from 'node:path';
import { RunError } from '../core/errors.ts';
import { runLayout, runNumber } from '../runs/files/layout.ts';

/**
 * Expands each argument to sorted run directories. An argument is a run directory, a pattern with `*` or `?`
 * (`runs/demo-*`), or the name that runs share (`runs/demo` for `runs/demo-0001` and so on). Returns an argument
 * without matches unchanged.
 *
 * @throws RunError (`RUN_NOT_FOUND`) if a pattern matches no run.
 */
export function findRuns(words: readonly string[]): string[] {
  return [...new Set(words.flatMap(expand))];
}

const isRun = (directory: string): boolean => existsSync(runLayout(directory).database);

function expand(word: string): string[] {
  if (isRun(word)) return [word];
  if (/[*?]/.test(word)) {
    const found = globSync(word).filter(isRun).toSorted();
    if (found.length > 0) return found;
    throw new RunError(`${word}: expected a pattern that matches run directories, found none`, {
      code: 'RUN_NOT_FOUND',
      tryNext: 'gradus runs list',
    });
  }
  const name = basename(word);
  const named = globSync(`${word}-*`).filter(
    (path) => runNumber(name, basename(path)) !== undefined && isRun(path),
  );
  return named.length === 0 ? [word] : named.toSorted();
}
