import type { Problem } from '../core/problem.ts';
import type { Outcome, Verdict } from '../core/verdict.ts';
import type { RolloutRow } from '../runs/files/rollout-row.ts';
import { suspicionsOf } from '../verifiers/suspicions.ts';
import { judgeText, type JudgingOptions, openJudges } from './open-judges.ts';
import { type DamagedShard, findRollouts } from './stored-rollouts.ts';

const columns = [
  'step',
  'problem_id',
  'domain',
  'rollout_index',
  'text',
  'finish_reason',
  'answer',
  'outcome',
  'reason',
  'verifier',
] as const;

/** The fields of a stored rollout that an audit reads. */
type StoredRollout = Pick<RolloutRow, (typeof columns)[number]>;

/** A rollout shown as an example of a finding. */
export interface AuditExample {
  readonly problem: string;
  readonly step: number;
  readonly index: number;
  readonly before: Outcome;
  readonly now: Outcome;
  readonly reason: string;
}

/** Count of rollouts of one kind, with the first few as examples. */
export interface AuditFinding {
  readonly count: number;
  readonly examples: readonly AuditExample[];
}

/** Result of judging stored rollouts again. */
export interface VerdictAudit {
  readonly rollouts: number;
  readonly judged: number;
  /** Rollout files that could not be read. */
  readonly damaged: readonly DamagedShard[];
  /** Reason for skipping → count. */
  readonly skipped: Readonly<Record<string, number>>;
  /** `old label → new label` → count. */
  readonly versions: Readonly<Record<string, number>>;
  /** Change of outcome, such as `correct → incorrect`, → its rollouts. */
  readonly flips: Readonly<Record<string, AuditFinding>>;
  /** Problem id → reason why no answer to it can be judged. */
  readonly ungradable: Readonly<Record<string, string>>;
  /** Reason for suspicion → rollouts that were judged correct but are suspicious. */
  readonly suspicious: Readonly<Record<string, AuditFinding>>;
}

/** Options of an audit. */
export interface AuditOptions extends JudgingOptions {
  /** Maximum number of examples per finding. */
  readonly examples: number;
  readonly signal?: AbortSignal;
  readonly onProgress?: (done: number, total: number) => void;
}

/**
 * Judges stored rollouts again with the current verifiers. Loads the recipe's problems, because programs need their
 * tests; skips and counts rollouts whose tests cannot be found.
 *
 * @throws DataError when there are no rollouts at `path`.
 */
export async function auditVerdicts(path: string, options: AuditOptions): Promise<VerdictAudit> {
  const stored = await findRollouts(path, columns);
  await using opened = new AsyncDisposableStack();
  const { problemOf, verifierFor } = await openJudges(path, stored.isRun, options, opened);
  const findings = createFindings(options.examples);
  let done = 0;
  for await (const batch of stored.batches()) {
    const judging = batch.map(async (row) => {
      const problem = problemOf(row);
      findings.add(row, problem, await judgeText(row.text, problem, verifierFor, options.signal));
      options.onProgress?.(++done, stored.count);
    });
    await Promise.all(judging);
  }
  return { ...findings.result(stored.count), damaged: stored.damaged };
}

function createFindings(maxExamples: number) {
  const skipped: Record<string, number> = {};
  const versions: Record<string, number> = {};
  const ungradable: Record<string, string> = {};
  const flips: Record<string, { count: number; examples: AuditExample[] }> = {};
  const suspicious: typeof flips = {};
  let judged = 0;
  const note = (kinds: typeof flips, kind: string, example: AuditExample): void => {
    const finding = (kinds[kind] ??= { count: 0, examples: [] });
    if (finding.count++ < maxExamples) finding.examples.push(example);
  };
  return {
    add(row: StoredRollout, problem: Problem, verdict: Verdict | string): void {
      if (typeof verdict === 'string') {
        skipped[verdict] = (skipped[verdict] ?? 0) + 1;
        return;
      }
      judged++;
      const { outcome, reason, verifier } = verdict;
      const change = `${row.verifier} → ${verifier}`;
      versions[change] = (versions[change] ?? 0) + 1;
      const { problem_id, step, rollout_index: index } = row;
      const example = { problem: problem_id, step, index, before: row.outcome, now: outcome, reason };
      if (outcome === 'ungradable') ungradable[problem.id] = reason;
      if (outcome !== row.outcome) note(flips, `${row.outcome} → ${outcome}`, example);
      if (outcome !== 'correct') return;
      const rollout = { text: row.text, finishReason: row.finish_reason };
      for (const flag of suspicionsOf(rollout, problem, verdict)) note(suspicious, flag, example);
    },
    result: (rollouts: number): Omit<VerdictAudit, 'damaged'> => ({
      rollouts,
      judged,
      skipped,
      versions,
      flips,
      ungradable,
      suspicious,
    }),
  };
}
