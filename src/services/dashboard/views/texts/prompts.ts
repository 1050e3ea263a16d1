import * as z from 'zod';
import { promptBeginning } from '../../../../core/text/prompt-beginning.ts';
import { groupRows } from '../../../../runs/reading/group-rows.ts';
import type { RunReader } from '../../../../runs/reading/run-reader.ts';

/** `GET /api/runs/:run/prompts?id=…&id=…`: ids of problems. */
export const promptsQuery = z.strictObject({ id: z.array(z.string()).min(1).max(100) });

/** The beginning of each problem's prompt, by problem id; omits problems without recorded rollouts. */
export type Prompts = Readonly<Record<string, string>>;

const [mostRuns, mostProblems] = [8, 50_000];

/** Creates the view, which caches the beginnings, because a problem's prompt stays the same for the entire run. */
export function createPromptsView(): (
  run: RunReader,
  query: z.output<typeof promptsQuery>,
) => Promise<Prompts> {
  const known = new Map<string, Map<string, string>>();
  return async (run, { id: ids }) => {
    // Include the directory in the key, because copies of a run share its id.
    const key = `${run.summary().id} ${run.directory}`;
    let beginnings = known.get(key);
    if (beginnings === undefined || beginnings.size > mostProblems) {
      if (known.size >= mostRuns) known.delete(known.keys().next().value!);
      beginnings = new Map();
      known.set(key, beginnings);
    }
    const wanted = ids.filter((id) => !beginnings.has(id));
    if (wanted.length > 0)
      for (const [id, beginning] of await readBeginnings(run, wanted)) beginnings.set(id, beginning);
    return Object.fromEntries(
      ids.flatMap((id) => {
        const beginning = beginnings.get(id);
        return beginning === undefined ? [] : [[id, beginning]];
      }),
    );
  };
}

/** Reads one rollout of each problem. */
async function readBeginnings(run: RunReader, ids: readonly string[]): Promise<[string, string][]> {
  const firsts = run.lists(
    `SELECT min(id) FROM groups WHERE problem_id IN (${ids.map(() => '?').join(', ')}) GROUP BY problem_id`,
    ...ids,
  ) as [number][];
  const groups = firsts.map(([id]) => run.group(id)!).filter(({ rollouts }) => rollouts > 0);
  const rows = await groupRows(run, groups, ['prompt'], 1);
  return groups.map(({ id, problemId }) => [problemId, promptBeginning(rows.get(id)?.[0]?.prompt ?? [])]);
}
