import { judgedRollouts, type ScoredGroup, scoreGroup } from '../../algorithms/scored-group.ts';
import type { Algorithm } from '../../algorithms/settings.ts';
import type { Problem } from '../../core/problem.ts';
import { hashKey } from '../../core/rng.ts';
import { finishReasonOf } from '../../core/rollout.ts';
import { sum } from '../../statistics/summary.ts';
import { admitGroup } from '../../curriculum/gates/create-gate.ts';
import type { Gate, GroupSummary } from '../../curriculum/gates/gate.ts';
import { shortBatchNote, decideRefill } from '../../curriculum/gates/refill.ts';
import type { ProblemSampler } from '../../curriculum/samplers/problem-sampler.ts';
import type { ResolvedStage } from '../../recipe/resolve-stage.ts';
import { rollAll, type RolloutParts, withEnvironments } from '../../rollout/roll-groups.ts';

/** A stage in progress: its settings, problems, sampler and gates. */
export interface LiveStage {
  readonly settings: ResolvedStage;
  readonly algorithm: Algorithm;
  readonly problems: ReadonlyMap<string, Problem>;
  /** The first level of each problem that has one. */
  readonly levels: ReadonlyMap<string, string>;
  readonly sampler: ProblemSampler;
  readonly gates: readonly Gate[];
}

/** A batch of scored groups, with the result of the gates. */
export interface RolledBatch {
  /** All groups rolled out, in the order chosen. */
  readonly groups: readonly ScoredGroup[];
  /** Groups that the gates admitted, at most the requested number. */
  readonly admitted: readonly ScoredGroup[];
  readonly refills: number;
  /** Message for the log when the batch is smaller than requested. */
  readonly note: string | null;
}

/** Position of a batch in the run; with the seed, it determines all randomness. */
export interface BatchMoment {
  /** 1 for the first step of the run. */
  readonly step: number;
  /** 0 for the first step of the stage: schedules read it. */
  readonly stepInStage: number;
  readonly seed: number;
}

/**
 * Rolls out one step: the sampler chooses, the engine samples, verifiers judge, gates admit. Tries more problems when
 * gates reject groups, and finally continues with a smaller batch and a note. In a mix, every domain
 * fills its own share, so that the trained groups have the mix's shares whatever the gates admit.
 */
export async function rollBatch(
  parts: RolloutParts,
  stage: LiveStage,
  { step, stepInStage, seed }: BatchMoment,
  signal?: AbortSignal,
): Promise<RolledBatch> {
  const { problemsPerStep: wanted, config } = stage.settings;
  const shares = openShares(stage, stepInStage);
  const tried = new Set<string>();
  let ask = Object.fromEntries(shares.map(({ name, wanted: count }) => [name, count]));
  for (let refills = 0; ; refills++) {
    const perDomain = config.mix === undefined ? undefined : ask;
    const ids = stage.sampler.choose(sum(Object.values(ask)), stepInStage, tried, perDomain);
    for (const id of ids) tried.add(id);
    const judged = await rollProblems(parts, stage, ids, hashKey(seed, 'rollout', step), signal);
    for (const share of shares) fillShare(share, judged, ask[share.name] ?? 0, stage.gates);
    ask = nextAsk(shares, refills, config.maxRefills);
    if (sum(Object.values(ask)) > 0) continue;
    const groups = shares.flatMap((share) => share.groups);
    const admitted = shares.flatMap((share) => share.admitted.slice(0, share.wanted));
    return {
      groups,
      admitted,
      refills,
      note: shortBatchNote({ wanted, admitted: admitted.length, tried: tried.size, refills }),
    };
  }
}

/** Part of a batch that one domain fills; without a mix, one part for all domains. */
interface BatchShare {
  readonly name: string;
  /** Requested number of groups. */
  readonly wanted: number;
  /** Problems of the pool that it may try. */
  readonly problems: number;
  readonly takes: (problem: Problem) => boolean;
  readonly groups: ScoredGroup[];
  readonly admitted: ScoredGroup[];
  /** True when the sampler has no more problems for this step. */
  isExhausted: boolean;
}

/** Shares of one step, exact over the steps of a stage: rounds cumulative shares, not those of each step. */
function openShares({ settings, problems }: LiveStage, stepInStage: number): BatchShare[] {
  const { problemsPerStep, config } = settings;
  const { mix } = config;
  const open = (name: string, wanted: number, takes: (problem: Problem) => boolean): BatchShare => {
    const count = [...problems.values()].filter(takes).length;
    return { name, wanted, problems: count, takes, groups: [], admitted: [], isExhausted: false };
  };
  if (mix === undefined) return [open('all', problemsPerStep, () => true)];
  const total = sum(Object.values(mix));
  const bound = (weight: number, steps: number): number =>
    Math.round((problemsPerStep * steps * weight) / total);
  let below = 0;
  return Object.entries(mix).map(([domain, weight]) => {
    const upTo = below + weight;
    const done = (steps: number): number => bound(upTo, steps) - bound(below, steps);
    const wanted = done(stepInStage + 1) - done(stepInStage);
    below = upTo;
    return open(domain, wanted, (problem) => problem.domain === domain);
  });
}

function fillShare(
  share: BatchShare,
  judged: readonly ScoredGroup[],
  asked: number,
  gates: readonly Gate[],
): void {
  const ours = judged.filter(({ problem }) => share.takes(problem));
  share.groups.push(...ours);
  share.admitted.push(...ours.filter((group) => admitGroup(gates, summarise(group)).admitted));
  if (ours.length < asked) share.isExhausted = true;
}

/** Number of further problems each share should try; 0 if it is full, exhausted or out of refills. */
function nextAsk(shares: readonly BatchShare[], refills: number, maxRefills: number): Record<string, number> {
  const asks = shares.map(({ name, wanted, problems, groups, admitted, isExhausted }) => {
    const untried = isExhausted ? 0 : problems - groups.length;
    const state = { wanted, admitted: admitted.length, tried: groups.length, refills, maxRefills, untried };
    const decision = decideRefill(state);
    return [name, decision.action === 'refill' ? decision.problems : 0] as const;
  });
  return Object.fromEntries(asks);
}

/** Rolls out and scores problems of a stage by id, a group each. */
export async function rollProblems(
  parts: RolloutParts,
  { settings, algorithm, problems }: Pick<LiveStage, 'settings' | 'algorithm' | 'problems'>,
  ids: readonly string[],
  seed: number,
  signal: AbortSignal | undefined,
): Promise<ScoredGroup[]> {
  if (ids.length === 0) return [];
  const { sampling, groupSize: rollouts, rewardFor } = settings;
  const chosen = ids.map((id) => problems.get(id)!);
  const groups = await rollAll(
    withEnvironments(parts, settings.config),
    { ...sampling, problems: chosen, rollouts, seed },
    signal,
  );
  const { maxTokens } = sampling;
  return groups.map((group) =>
    scoreGroup(group, algorithm, { reward: rewardFor(group.problem.domain), maxTokens }),
  );
}

function summarise(group: ScoredGroup): GroupSummary {
  const judged = judgedRollouts(group);
  return {
    problemId: group.problem.id,
    rewards: judged.map(({ reward }) => reward),
    truncated: judged.filter(({ rollout }) => finishReasonOf(rollout) === 'length').length,
    isZeroAdvantage: group.isZeroAdvantage,
  };
}
