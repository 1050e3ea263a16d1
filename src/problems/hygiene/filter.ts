import type { Problem } from '../../core/problem.ts';
import type { Finding, FindingLog } from './report.ts';

/**
 * Streams the problems that pass all checks; only the first finding of a problem is logged. Findings of `notes` are
 * logged too, but do not remove the problem.
 */
export async function* withoutFindings(
  problems: AsyncIterable<Problem>,
  checks: readonly ((problem: Problem) => Finding | undefined)[],
  log: FindingLog,
  notes: readonly ((problem: Problem) => Finding | undefined)[] = [],
): AsyncGenerator<Problem> {
  for await (const problem of problems) {
    log.see();
    const finding = firstFinding(problem, checks);
    if (finding !== undefined) {
      log.remove(finding);
      continue;
    }
    const note = firstFinding(problem, notes);
    if (note !== undefined) log.note(note);
    yield problem;
  }
}

function firstFinding(
  problem: Problem,
  checks: readonly ((problem: Problem) => Finding | undefined)[],
): Finding | undefined {
  for (const check of checks) {
    const finding = check(problem);
    if (finding !== undefined) return finding;
  }
  return undefined;
}
