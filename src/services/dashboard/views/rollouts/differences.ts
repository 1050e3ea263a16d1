import type { RunReader } from '../../../../runs/reading/run-reader.ts';
import { type AnswerDifferences, createDifferences } from '../../../../verifiers/answer-differences.ts';

/** Position of a rollout, to which pages can link. */
export interface DifferencePlace {
  readonly group: number;
  /** Index in the group, from 0. */
  readonly index: number;
  readonly problemId: string;
  readonly step: number;
}

/** `GET /api/runs/:run/differences`: correct answers whose text differs from the gold, by the rule that accepted them. */
export interface Differences extends AnswerDifferences<DifferencePlace> {
  /** Number of rollouts that were read, from the newest groups. */
  readonly rollouts: number;
  /** Number of rollouts in the run. */
  readonly total: number;
}

const examplesPerRule = 5;
/** Maximum number of rollouts to read, to limit the time of a request. */
const mostRollouts = 50_000;
const groupsAtOnce = 64;

/** Reads the recorded evidence of the newest groups that have a correct rollout; does not judge again. */
export async function differencesView(run: RunReader, most = mostRollouts): Promise<Differences> {
  const groups = run.groups();
  const total = groups.reduce((sum, { rollouts }) => sum + rollouts, 0);
  let rollouts = 0;
  const newest = groups.toReversed().filter((group) => (rollouts += group.rollouts) <= most);
  const differences = createDifferences<DifferencePlace>(examplesPerRule);
  const withCorrect = newest.filter(({ correct }) => correct > 0).toReversed();
  for (let at = 0; at < withCorrect.length; at += groupsAtOnce) {
    const batch = withCorrect.slice(at, at + groupsAtOnce);
    const rows = await run.rollouts(batch, ['outcome', 'evidence']);
    let row = 0;
    for (const { id, problemId, step, rollouts: count } of batch)
      for (let index = 0; index < count; index++)
        differences.add(rows[row++]!, { group: id, index, problemId, step });
  }
  return {
    rollouts: newest.reduce((sum, group) => sum + group.rollouts, 0),
    total,
    ...differences.result(),
  };
}
