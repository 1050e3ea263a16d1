import { createAlgorithm } from '../../algorithms/algorithm.ts';
import type { ScoredGroup } from '../../algorithms/scored-group.ts';
import { createRng, hashKey } from '../../core/rng.ts';
import { writtenTokens } from '../../core/rollout.ts';
import { splitIntoCells } from '../../curriculum/samplers/cells.ts';
import type { NoiseParts } from '../../curriculum/worth/critical-batch.ts';
import { describeWorth } from '../../curriculum/worth/describe-worth.ts';
import type { PooledTrials } from '../../curriculum/worth/live-share.ts';
import { type StagingWorth, stagingWorth, type TrainingSize } from '../../curriculum/worth/staging-worth.ts';
import { countTrials, mergeTrials, noTrials, type Trials } from '../../difficulty/pass-rates/trials.ts';
import { openPassRateStore } from '../../difficulty/pass-rates/sqlite-store.ts';
import { adoptKnownBase } from '../../measuring/adopt-base-attempts.ts';
import { reinforceStages } from '../../curriculum/stages.ts';
import { type ResolvedStage, resolvedStages } from '../../recipe/resolve-stage.ts';
import { sum } from '../../statistics/summary.ts';
import { rollProblems } from '../step/collect-batch.ts';
import { measureNoise } from '../step/gradient-noise.ts';
import type { TrainingParts } from '../training-context.ts';

/** Options of a probe, which attempts a sample of the problems. */
export interface ProbeOptions {
  /** Number of problems to draw uniformly, capped at the number available. */
  readonly problems: number;
  readonly onProgress?: (done: number, total: number) => void;
  readonly signal?: AbortSignal;
}

/** Cost of a probe. */
export interface ProbeCost {
  readonly problems: number;
  readonly rollouts: number;
  /** Number of tokens written. */
  readonly tokens: number;
}

/** Predicted worth of staging for a recipe, and the cost of the probe. */
export interface PredictedWorth {
  readonly worth: StagingWorth;
  /** The estimate as two lines of text. */
  readonly text: readonly string[];
  readonly probe?: ProbeCost;
}

/** Number of attempts per problem in a probe. */
const probeRollouts = 8;
/** Maximum number of splits into which a probe's live groups are divided, and minimum number of groups per split. */
const [mostSplits, fewestPerSplit] = [6, 4];

/**
 * Predicts, from the recipe's own pass-rate store (`difficulty.store`) and an assumed critical batch, how much staging
 * gains over training on all problems.
 *
 * @returns null if the recipe names no store, or the store is missing or has no attempts by this model with the
 * recipe's sampling settings.
 */
export function predictFromStore(parts: TrainingParts): PredictedWorth | null {
  using store = openPassRateStore(':memory:');
  adoptKnownBase(parts, store);
  const passRates = new Map<string, Trials>();
  for (const conditions of store.conditions()) {
    for (const [id, { successes, trials }] of store.passRates(conditions))
      passRates.set(id, mergeTrials(passRates.get(id) ?? noTrials, { successes, trials }));
  }
  const pool = poolOf(parts, passRates);
  if (pool.length === 0) return null;
  const worth = stagingWorth(pool, [], sizeOf(parts), parts.recipe.seed);
  return { worth, text: describeWorth(worth) };
}

/**
 * Attempts each problem in a sample 8 times, predicts the worth of staging from the results, and measures the critical
 * batch.
 */
export async function predictFromProbe(
  parts: TrainingParts,
  { problems: wanted, onProgress, signal }: ProbeOptions,
): Promise<PredictedWorth> {
  const { recipe, problems } = parts;
  const chosen = createRng(recipe.seed, 'probe').shuffle(problems).slice(0, wanted);
  const settings: ResolvedStage = { ...resolvedStages(recipe)[0]!, groupSize: probeRollouts };
  const stage = {
    settings,
    algorithm: createAlgorithm(settings.algorithm),
    problems: new Map(chosen.map((problem) => [problem.id, problem])),
  };
  let done = 0;
  const onRollout = (): void => onProgress?.(++done, probeRollouts * chosen.length);
  const ids = chosen.map(({ id }) => id);
  const groups = await rollProblems(
    { ...parts, onRollout },
    stage,
    ids,
    hashKey(recipe.seed, 'probe'),
    signal,
  );
  const trials = new Map(
    groups.map(({ problem, rollouts }) => [problem.id, countTrials(rollouts.map(({ verdict }) => verdict))]),
  );
  const noise = await noiseOf(parts, stage, groups);
  const worth = stagingWorth(poolOf(parts, trials), noise, sizeOf(parts), recipe.seed);
  const rollouts = groups.flatMap((group) => group.rollouts);
  const tokens = sum(rollouts.map(writtenTokens));
  return {
    worth,
    text: describeWorth(worth),
    probe: { problems: groups.length, rollouts: rollouts.length, tokens },
  };
}

/** Measures noise and signal of the probe's live groups, in a few splits of equal size. */
async function noiseOf(
  { engine: { learner } }: TrainingParts,
  { settings, algorithm }: { settings: ResolvedStage; algorithm: ReturnType<typeof createAlgorithm> },
  groups: readonly ScoredGroup[],
): Promise<NoiseParts[]> {
  const { temperature, maxTokens } = settings.sampling;
  const spec = algorithm.lossSpec({ temperature });
  const live = groups.filter((group) => !group.isZeroAdvantage);
  const splits = Math.min(mostSplits, Math.floor(live.length / fewestPerSplit));
  const found: NoiseParts[] = [];
  for (let split = 0; split < splits; split++) {
    const some = live.filter((_, index) => index % splits === split);
    const noiseAt = await measureNoise({ learner, groups: some, algorithm, maxTokens, spec, isProbe: true });
    const parts = noiseAt?.(0) ?? null;
    if (parts !== null) found.push(parts);
  }
  return found;
}

/** Returns the problems that have trials, each with its cell; cells are formed over all problems. */
function poolOf({ problems }: TrainingParts, passRates: ReadonlyMap<string, Trials>): PooledTrials[] {
  const { cellOf } = splitIntoCells(
    problems.map((problem) => ({ ...problem, levels: [], measured: noTrials })),
  );
  return problems.flatMap(({ id }, i) => {
    const { successes, trials } = passRates.get(id) ?? noTrials;
    return trials === 0 ? [] : [{ successes, trials, cell: String(cellOf[i]) }];
  });
}

/** Returns the batch size of the first stage, and the number of steps of all stages. */
function sizeOf({ recipe, problems }: TrainingParts): TrainingSize {
  const { groupSize, problemsPerStep, updatesPerStep } = resolvedStages(recipe)[0]!;
  return {
    groupSize,
    problemsPerStep,
    problemsPerUpdate: problemsPerStep / updatesPerStep,
    steps: sum(reinforceStages(recipe.stages).map(({ maxSteps }) => maxSteps)),
    problems: problems.length,
  };
}
