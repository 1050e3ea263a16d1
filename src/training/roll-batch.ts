import { type ScoredGroup, scoreGroup } from '../algorithms/scored-group.ts';
import type { Algorithm } from '../algorithms/settings.ts';
import type { Problem } from '../core/problem.ts';
import { hashKey } from '../core/rng.ts';
import { admitGroup } from '../curriculum/gates/create-gate.ts';
import type { Gate } from '../curriculum/gates/gate.ts';
import { decideRefill } from '../curriculum/gates/refill.ts';
import type { ProblemSampler } from '../curriculum/samplers/problem-sampler.ts';
import type { ResolvedStage } from '../recipe/resolve-stage.ts';
import { rollAll, type RolloutParts } from '../rollout/roll-groups.ts';
import { rewardsOf } from './metrics.ts';

/** A stage that has begun: its settings, its problems, and who chooses and admits. */
export interface LiveStage {
  readonly settings: ResolvedStage;
  readonly algorithm: Algorithm;
  readonly problems: ReadonlyMap<string, Problem>;
  readonly sampler: ProblemSampler;
  readonly gates: readonly Gate[];
}

/** A batch of scored groups, and what became of it. */
export interface RolledBatch {
  /** Everything rolled out, in the order it was chosen. */
  readonly groups: readonly ScoredGroup[];
  /** What the gates let through, at most as many as wanted. */
  readonly admitted: readonly ScoredGroup[];
  readonly refills: number;
  /** A sentence for the log where the batch is not what was asked for. */
  readonly note: string | null;
}

/** When a batch is rolled: this and the seed decide all its randomness. */
export interface BatchMoment {
  /** 1 for the first step of the run. */
  readonly step: number;
  /** 0 for the first step of the stage: schedules read it. */
  readonly stepInStage: number;
  readonly seed: number;
}

/**
 * One step's rollouts: the sampler chooses, the engine writes, verifiers judge, gates admit. Where they turned groups
 * away more problems are tried, and at last the step makes do with a smaller batch and says so.
 */
export async function rollBatch(
  parts: RolloutParts,
  stage: LiveStage,
  { step, stepInStage, seed }: BatchMoment,
  signal?: AbortSignal,
): Promise<RolledBatch> {
  const { problemsPerStep: wanted, config } = stage.settings;
  const groups: ScoredGroup[] = [];
  const admitted: ScoredGroup[] = [];
  const tried = new Set<string>();
  let ask = wanted;
  for (let refills = 0; ; refills++) {
    const ids = stage.sampler.choose(ask, stepInStage, tried);
    for (const id of ids) tried.add(id);
    const judged = await rollProblems(parts, stage, ids, hashKey(seed, 'rollout', step), signal);
    groups.push(...judged);
    admitted.push(...judged.filter((group) => admitGroup(stage.gates, summarise(group)).admitted));
    const untried = ids.length < ask ? 0 : stage.problems.size - tried.size;
    const decision = decideRefill({
      wanted,
      admitted: admitted.length,
      tried: tried.size,
      refills,
      maxRefills: config.maxRefills,
      untried,
    });
    if (decision.action !== 'refill') {
      return { groups, admitted: admitted.slice(0, wanted), refills, note: decision.note ?? null };
    }
    ask = decision.problems;
  }
}

async function rollProblems(
  parts: RolloutParts,
  { settings, algorithm, problems }: LiveStage,
  ids: readonly string[],
  seed: number,
  signal: AbortSignal | undefined,
): Promise<ScoredGroup[]> {
  if (ids.length === 0) return [];
  const { sampling, groupSize: rollouts, rewardFor } = settings;
  const chosen = ids.map((id) => problems.get(id)!);
  const groups = await rollAll(parts, { ...sampling, problems: chosen, rollouts, seed }, signal);
  const { maxTokens } = sampling;
  return groups.map((group) =>
    scoreGroup(group, algorithm, { reward: rewardFor(group.problem.domain), maxTokens }),
  );
}

const summarise = (group: ScoredGroup) => ({
  problemId: group.problem.id,
  rewards: rewardsOf(group),
  truncated: group.scored.filter(({ rollout }) => rollout.finishReason === 'length').length,
});
