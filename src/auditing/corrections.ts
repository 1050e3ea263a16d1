import type { RolloutRow } from '../runs/files/rollout-row.ts';
import { judgeText, type JudgingOptions, openJudges } from './open-judges.ts';
import { findRollouts } from './stored-rollouts.ts';

/**
 * Numbers of attempts with a correction marker, by whether the answers before the marker and at the end are correct.
 */
export interface Corrections {
  readonly rollouts: number;
  /** Attempts that contain the marker and have a verdict for both answers. */
  readonly marked: number;
  /** Attempts whose answer before the marker cannot be judged, or that have no verdict. */
  readonly skipped: number;
  /** Attempts whose answer is wrong or missing before the marker, and correct at the end. */
  readonly wrongToRight: number;
  readonly rightToWrong: number;
  readonly rightToRight: number;
  readonly wrongToWrong: number;
}

const columns = ['problem_id', 'domain', 'text', 'answer', 'outcome'] as const;

/**
 * Judges the text of each stored attempt up to the first marker, and compares the verdict with that for the complete
 * attempt (SCoRe, arXiv 2409.12917, reports Δ(incorrect → correct) and Δ(correct → incorrect)).
 *
 * @param mark text that begins a correction, such as `<|reflect|>`.
 * @throws DataError if there are no rollouts at `path`.
 */
export async function countCorrections(
  path: string,
  mark: string,
  options: JudgingOptions & { readonly signal?: AbortSignal | undefined },
): Promise<Corrections> {
  const stored = await findRollouts(path, columns);
  await using opened = new AsyncDisposableStack();
  const { problemOf, verifierFor } = await openJudges(path, stored.isRun, options, opened);
  const counts = { wrongToRight: 0, rightToWrong: 0, rightToRight: 0, wrongToWrong: 0 };
  let skipped = 0;
  const count = async (row: Pick<RolloutRow, (typeof columns)[number]>): Promise<void> => {
    const at = row.text.indexOf(mark);
    if (at < 0) return;
    const before = await judgeText(row.text.slice(0, at), problemOf(row), verifierFor, options.signal);
    if (typeof before === 'string' || before.outcome === 'ungradable' || row.outcome === 'ungradable')
      skipped++;
    else counts[changeOf(before.outcome === 'correct', row.outcome === 'correct')]++;
  };
  for await (const batch of stored.batches()) await Promise.all(batch.map(count));
  const marked = Object.values(counts).reduce((total, one) => total + one, 0);
  return { rollouts: stored.count, marked, skipped, ...counts };
}

function changeOf(before: boolean, after: boolean) {
  if (before) return after ? 'rightToRight' : 'rightToWrong';
  return after ? 'wrongToRight' : 'wrongToWrong';
}
