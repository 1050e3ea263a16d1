import type { Engine } from '../../engines/engine.ts';
import type { Problem } from '../../core/problem.ts';
import { hashKey } from '../../core/rng.ts';
import type { Rollout, RolloutGroup } from '../../core/rollout.ts';
import { recordAsJudged } from '../../rollout/record-as-judged.ts';
import { rollAll } from '../../rollout/roll-groups.ts';
import { runLayout } from '../../runs/files/layout.ts';
import type { Sampling } from '../../recipe/resolve-stage.ts';
import type { TrainingContext } from '../training-context.ts';
import { openAttemptStore } from './attempt-store.ts';

/** The attempts to make for a stage that harvests. */
export interface HarvestRequest {
  /** 0-based index of the stage. */
  readonly stage: number;
  readonly problems: readonly Problem[];
  readonly rollouts: number;
  readonly sampling: Sampling;
  /** Model that makes the attempts. */
  readonly by: Pick<Engine, 'sampler' | 'renderer'>;
}

/** Maximum number of problems per request. */
const chunkProblems = 256;

/**
 * Makes single-turn attempts at each problem. Records every attempt as soon as it is judged, so that a resumed run
 * makes only the missing attempts and gets the same examples.
 */
export async function harvestAttempts(
  context: TrainingContext,
  { stage, problems, rollouts, sampling, by }: HarvestRequest,
): Promise<RolloutGroup[]> {
  const { run, recipe, report, signal } = context;
  const { name } = recipe.stages[stage]!;
  using store = openAttemptStore(runLayout(run.directory).harvest);
  const seed = hashKey(recipe.seed, 'harvest', stage);
  const total = rollouts * problems.length;
  const recorded = store.read(stage);
  let done = [...recorded.values()].reduce((sum, { length }) => sum + length, 0);
  for (const { problems: some, first, count } of missingAttempts(recorded, problems, rollouts)) {
    const recorder = recordAsJudged((judged) => store.write(stage, judged));
    const onRollout = (rollout: Rollout): void => {
      recorder.add(rollout);
      report({ type: 'harvest', stage: name, done: ++done, total });
    };
    const parts = { ...context, engine: by, environments: undefined, onRollout };
    const request = { ...sampling, problems: some, firstIndex: first, rollouts: count, seed };
    const groups = await rollAll(parts, request, signal).finally(recorder.flush);
    // Record failed attempts, for which `onRollout` was not called; existing records are kept.
    store.write(
      stage,
      groups.flatMap((group) => group.rollouts),
    );
  }
  const all = store.read(stage);
  return problems.map((problem) => ({ problem, rollouts: all.get(problem.id) ?? [] }));
}

/** Attempts with the same consecutive indices at several problems. */
interface AttemptSpan {
  readonly problems: readonly Problem[];
  readonly first: number;
  readonly count: number;
}

/** Returns the attempts that are not yet recorded, in as few requests as their indices allow. */
export function missingAttempts(
  recorded: ReadonlyMap<string, readonly Pick<Rollout, 'index'>[]>,
  problems: readonly Problem[],
  rollouts: number,
): AttemptSpan[] {
  const spans = problems.flatMap((problem) => {
    const known = new Set((recorded.get(problem.id) ?? []).map(({ index }) => index));
    return gapsIn(known, rollouts).map((gap) => ({ ...gap, problem }));
  });
  return [...Map.groupBy(spans, ({ first, count }) => `${first} ${count}`).values()].flatMap((alike) =>
    Array.from({ length: Math.ceil(alike.length / chunkProblems) }, (_, chunk) => ({
      first: alike[0]!.first,
      count: alike[0]!.count,
      problems: alike.slice(chunk * chunkProblems, (chunk + 1) * chunkProblems).map(({ problem }) => problem),
    })),
  );
}

/** Returns the ranges of indices below `end` that are not in `known`. */
function gapsIn(known: ReadonlySet<number>, end: number): { first: number; count: number }[] {
  const gaps: { first: number; count: number }[] = [];
  for (let index = 0; index < end; index++) {
    const last = gaps.at(-1);
    if (known.has(index)) continue;
    if (last !== undefined && last.first + last.count === index) last.count++;
    else gaps.push({ first: index, count: 1 });
  }
  return gaps;
}
