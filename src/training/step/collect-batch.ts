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
import { rollAll, type RolloutParts } from '../../rollout/roll-groups.ts';

/** A stage that has begun: its settings, its problems, and who chooses and admits. */
export interface LiveStage {
  readonly settings: ResolvedStage;
  readonly algorithm: Algorithm;
  readonly problems: ReadonlyMap<string, Problem>;
  /** The first level of each problem that has one. */
  readonly levels: ReadonlyMap<string, string>;
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
 * away more problems are tried, and at last the step makes do with a smaller batch and says so. In a mix every domain
 * fills a share of its own, so that what is trained has the mix's shares whatever the gates admit.
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

/** The part of a batch that one domain fills; without a mix there is one part, of all domains. */
interface BatchShare {
  readonly name: string;
  /** Groups it should have. */
  readonly wanted: number;
  /** Problems of the pool that it may try. */
  readonly problems: number;
  readonly takes: (problem: Problem) => boolean;
  readonly groups: ScoredGroup[];
  readonly admitted: ScoredGroup[];
  /** The sampler has no more for this step. */
  isExhausted: boolean;
}

/** Shares of one step, exact over the steps of a stage: cumulative shares are rounded, not those of each step. */
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

/** How many more problems each share should try; nothing where it is full, exhausted or out of refills. */
function nextAsk(shares: readonly BatchShare[], refills: number, maxRefills: number): Record<string, number> {
  const asks = shares.map(({ name, wanted, problems, groups, admitted, isExhausted }) => {
    const untried = isExhausted ? 0 : problems - groups.length;
    const state = { wanted, admitted: admitted.length, tried: groups.length, refills, maxRefills, untried };
    const decision = decideRefill(state);
    return [name, decision.action === 'refill' ? decision.problems : 0] as const;
  });
  return Object.fromEntries(asks);
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

function summarise(group: ScoredGroup): GroupSummary {
  const judged = judgedRollouts(group);
  return {
    problemId: group.problem.id,
    rewards: judged.map(({ reward }) => reward),
    truncated: judged.filter(({ rollout }) => finishReasonOf(rollout) === 'length').length,
    isZeroAdvantage: group.isZeroAdvantage,
  };
}
