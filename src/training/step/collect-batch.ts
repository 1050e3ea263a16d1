import { judgedRollouts, type ScoredGroup, scoreGroup } from '../../algorithms/scored-group.ts';
import type { Algorithm } from '../../algorithms/settings.ts';
import type { Problem } from '../../core/problem.ts';
import { hashKey } from '../../core/rng.ts';
import { finishReasonOf, type Rollout, type RolloutGroup } from '../../core/rollout.ts';
import { sum } from '../../statistics/summary.ts';
import { admitGroup } from '../../curriculum/gates/create-gate.ts';
import type { Gate, GroupSummary } from '../../curriculum/gates/gate.ts';
import { shortBatchNote, decideRefill } from '../../curriculum/gates/refill.ts';
import type { ProblemSampler } from '../../curriculum/samplers/problem-sampler.ts';
import type { Starts } from '../../curriculum/starts/starts.ts';
import type { ResolvedStage } from '../../recipe/resolve-stage.ts';
import type { ModelWeights } from '../../engines/engine.ts';
import { rollAll, type RolloutParts, withEnvironments } from '../../rollout/roll-groups.ts';
import { placeStarts } from './place-starts.ts';

/** A stage in progress: its settings, problems, sampler and gates. */
export interface LiveStage {
  readonly settings: ResolvedStage;
  readonly algorithm: Algorithm;
  readonly problems: ReadonlyMap<string, Problem>;
  /** The first level of each problem that has a level. */
  readonly levels: ReadonlyMap<string, string>;
  readonly sampler: ProblemSampler;
  /** Chooses where attempts begin; if absent, all of them begin at the prompt. */
  readonly starts?: Starts;
  readonly gates: readonly Gate[];
  /** Scores tokens for the KL term; if absent, the engine's own reference scores them. */
  readonly reference?: Pick<ModelWeights, 'logprobs'>;
}

/** A scored group, and how stale the policy that wrote it is. */
export interface RolledGroup extends ScoredGroup {
  /** Steps between the policy that wrote the group and the policy that learns from it. */
  readonly offPolicySteps: number;
}

/** A batch of scored groups, with the result of the gates. */
export interface RolledBatch {
  /** All groups rolled out, in the order in which their problems were chosen. */
  readonly groups: readonly RolledGroup[];
  /** Groups that the gates admitted, up to the requested number. */
  readonly admitted: readonly RolledGroup[];
  readonly refills: number;
  /** Message for the log if the batch is smaller than requested, else null. */
  readonly note: string | null;
}

/** Position of a batch in the run; with the seed, the position determines all randomness. */
export interface BatchMoment {
  /** 1-based step of the run. */
  readonly step: number;
  /** 0-based step of the stage, which schedules use. */
  readonly stepInStage: number;
  readonly seed: number;
}

/** A batch whose first round of rollouts is in progress. */
export interface StartedBatch {
  readonly moment: BatchMoment;
  /** Number of steps until the policy learns from the batch. */
  readonly offPolicySteps: number;
  /** Resolves to the scored groups of the first round, in the order in which their problems were chosen. */
  readonly firstRound: Promise<readonly RolledGroup[]>;
}

/**
 * Chooses the problems of a batch and starts their rollouts. The sampler has made its choice when this function
 * returns.
 *
 * @param offPolicySteps number of steps until the policy learns from the batch.
 */
export function startBatch(
  parts: RolloutParts,
  stage: LiveStage,
  moment: BatchMoment,
  { offPolicySteps = 0, signal }: { readonly offPolicySteps?: number; readonly signal?: AbortSignal } = {},
): StartedBatch {
  const ask = wantedOf(openShares(stage, moment.stepInStage));
  const round = { ask, tried: new Set<string>(), offPolicySteps };
  const firstRound = rollRound(parts, stage, moment, round, signal);
  // Prevent an unhandled rejection: `finishBatch` reports a failure.
  firstRound.catch(() => {});
  return { moment, offPolicySteps, firstRound };
}

/** Rebuilds a started batch from its attempts, in the order of their groups. */
export function restoreBatch(
  stage: LiveStage,
  moment: BatchMoment,
  { offPolicySteps, rollouts }: { readonly offPolicySteps: number; readonly rollouts: readonly Rollout[] },
): StartedBatch {
  const byProblem = Map.groupBy(rollouts, ({ problemId }) => problemId);
  const groups = Array.from(byProblem, ([id, own]) => ({
    ...scoreIn(stage, { problem: stage.problems.get(id)!, rollouts: own }),
    offPolicySteps,
  }));
  return { moment, offPolicySteps, firstRound: Promise.resolve(groups) };
}

/** Rolls out a batch with one policy; see {@link finishBatch}. */
export const rollBatch = (
  parts: RolloutParts,
  stage: LiveStage,
  moment: BatchMoment,
  signal?: AbortSignal,
): Promise<RolledBatch> =>
  finishBatch(parts, stage, startBatch(parts, stage, moment, signal === undefined ? {} : { signal }), signal);

/**
 * Completes a started batch: waits for verdicts and applies the gates. If gates reject groups, tries more problems with
 * the parts given here, and in the end accepts a smaller batch with a note. In a mix, every domain fills its own share,
 * so the trained groups keep the shares of the mix.
 */
export async function finishBatch(
  parts: RolloutParts,
  stage: LiveStage,
  { moment, firstRound }: StartedBatch,
  signal?: AbortSignal,
): Promise<RolledBatch> {
  const { problemsPerStep: wanted, config } = stage.settings;
  const shares = openShares(stage, moment.stepInStage);
  const tried = new Set<string>();
  let ask = wantedOf(shares);
  let judged = await firstRound;
  for (let refills = 0; ; refills++) {
    for (const { problem } of judged) tried.add(problem.id);
    for (const share of shares) fillShare(share, judged, ask[share.name] ?? 0, stage.gates);
    ask = nextAsk(shares, refills, config.maxRefills);
    if (sum(Object.values(ask)) > 0) {
      judged = await rollRound(parts, stage, moment, { ask, tried, offPolicySteps: 0 }, signal);
      continue;
    }
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

/** One round of a batch: the number of problems to choose for each share. */
interface Round {
  readonly ask: Readonly<Record<string, number>>;
  readonly tried: ReadonlySet<string>;
  readonly offPolicySteps: number;
}

/** Chooses problems before it returns, so that the order of calls determines the sampler's state. */
function rollRound(
  parts: RolloutParts,
  stage: LiveStage,
  { step, stepInStage, seed }: BatchMoment,
  { ask, tried, offPolicySteps }: Round,
  signal: AbortSignal | undefined,
): Promise<RolledGroup[]> {
  const perDomain = stage.settings.config.mix === undefined ? undefined : ask;
  const ids = stage.sampler.choose(sum(Object.values(ask)), stepInStage, tried, perDomain);
  const rolled = rollProblems(parts, stage, ids, hashKey(seed, 'rollout', step), signal);
  return rolled.then((groups) => groups.map((group) => ({ ...group, offPolicySteps })));
}

const wantedOf = (shares: readonly BatchShare[]): Record<string, number> =>
  Object.fromEntries(shares.map(({ name, wanted }) => [name, wanted]));

/** The part of a batch that one domain fills; without a mix, there is one part for all domains. */
interface BatchShare {
  readonly name: string;
  /** Requested number of groups. */
  readonly wanted: number;
  /** Number of problems in the pool that the share may try. */
  readonly problems: number;
  readonly takes: (problem: Problem) => boolean;
  readonly groups: RolledGroup[];
  readonly admitted: RolledGroup[];
  /** True once the sampler has no more problems for this step. */
  isExhausted: boolean;
}

/**
 * Returns the shares of one step. Rounds the cumulative shares, not those of each step, so that they are exact over a
 * stage.
 */
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
  judged: readonly RolledGroup[],
  asked: number,
  gates: readonly Gate[],
): void {
  const ours = judged.filter(({ problem }) => share.takes(problem));
  share.groups.push(...ours);
  share.admitted.push(...ours.filter((group) => admitGroup(gates, summarise(group)).admitted));
  if (ours.length < asked) share.isExhausted = true;
}

/**
 * Returns how many more problems each share should try; 0 if the share is full, exhausted or out of refills.
 */
function nextAsk(shares: readonly BatchShare[], refills: number, maxRefills: number): Record<string, number> {
  const asks = shares.map(({ name, wanted, problems, groups, admitted, isExhausted }) => {
    const untried = isExhausted ? 0 : problems - groups.length;
    const state = { wanted, admitted: admitted.length, tried: groups.length, refills, maxRefills, untried };
    const decision = decideRefill(state);
    return [name, decision.action === 'refill' ? decision.problems : 0] as const;
  });
  return Object.fromEntries(asks);
}

/** Rolls out and scores one group for each of the given problem ids. */
export async function rollProblems(
  parts: RolloutParts,
  stage: Pick<LiveStage, 'settings' | 'algorithm' | 'problems' | 'starts'>,
  ids: readonly string[],
  seed: number,
  signal: AbortSignal | undefined,
): Promise<ScoredGroup[]> {
  if (ids.length === 0) return [];
  const { settings, algorithm, problems } = stage;
  const { sampling, groupSize: rollouts, wordings, config } = settings;
  const chosen = ids.map((id) => problems.get(id)!);
  const starts = await placeStarts(parts, stage, chosen, signal);
  const groups = await rollAll(
    withEnvironments(parts, config),
    { ...sampling, problems: chosen, rollouts, wordings, seed, starts },
    signal,
  );
  return groups.map((group) => scoreIn({ settings, algorithm }, group));
}

/** Scores a group with the settings of a stage. */
function scoreIn(
  { settings: { sampling, rewardFor, config }, algorithm }: Pick<LiveStage, 'settings' | 'algorithm'>,
  group: RolloutGroup,
): ScoredGroup {
  const { maxTokens } = sampling;
  const restartBonus = config.starts?.type === 'restart' ? config.starts.bonus : 0;
  return scoreGroup(group, algorithm, { reward: rewardFor(group.problem.domain), maxTokens, restartBonus });
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
