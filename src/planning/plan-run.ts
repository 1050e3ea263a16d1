import { unbiasedLive } from '../curriculum/worth/live-share.ts';
import type { StageConfig } from '../curriculum/stage.ts';
import { placementOf } from '../engines/torch/placement.ts';
import type { ObservedGroup } from '../difficulty/pass-rates/pass-rate-store.ts';
import type { Recipe } from '../recipe/recipe.ts';
import { resolveStage } from '../recipe/resolve-stage.ts';
import { mean, sum } from '../statistics/summary.ts';
import { type History, readHistory } from './history.ts';
import { addParts, type PlanPart, type RunPlan } from './plan.ts';
import type { PlannedParts } from './planned-parts.ts';
import { planMemory } from './plan-memory.ts';
import { exactly, over, plus, type Range, times } from './range.ts';
import { lengthDuringTraining, measuredLength, type MeanLength, storedAttempts } from './rollout-length.ts';
import { forecastPool } from './stage-pool.ts';

/** Data known before a run: this model's attempts, the length of its rollouts, and its speed. */
interface Known {
  readonly attempts: readonly ObservedGroup[];
  readonly length: MeanLength | undefined;
  readonly history: History | undefined;
}

/**
 * Forecasts rollouts, tokens, time and memory of a run without making a rollout. Lengths come from the recipe's
 * pass-rate store, else from earlier runs of this model; the speed comes from earlier runs on this machine.
 *
 * @param earlier folder of earlier runs, or the speed of steps that were just measured.
 */
export async function planRun(parts: PlannedParts, earlier: string | History): Promise<RunPlan> {
  const { recipe, engine } = parts;
  const settings = recipe.policy.engine;
  const { info } = engine.sampler;
  const history = typeof earlier === 'string' ? await readHistory(earlier, info) : earlier;
  const attempts = storedAttempts(recipe, info);
  const fromHistory = history && { mean: history.tokensPerRollout, from: history.from };
  const length = measuredLength(attempts, recipe.difficulty?.store ?? '') ?? fromHistory;
  const known = { attempts, length, history };
  const stages = recipe.stages.filter((stage) => stage.type === 'stage');
  const memory = await planMemory(parts);
  return {
    parts: [
      ...measuringPart(parts, known),
      ...stages.map((stage) => stagePart(parts, stage, known)),
      ...evaluationPart(parts, stages, known),
    ],
    ...(length !== undefined && { lengthFrom: length.from }),
    ...(history !== undefined && { speedFrom: history.from }),
    ...(memory !== undefined && { memory }),
    ...(settings.type === 'torch' && { placement: placementOf(settings) }),
    omitted: omittedIn(recipe),
  };
}

function measuringPart({ recipe: { difficulty }, problems }: PlannedParts, known: Known): PlanPart[] {
  if (difficulty === undefined) return [];
  const wanted = problems.length * difficulty.rollouts;
  const made = sum(known.attempts.map(({ attempts }) => attempts));
  const missing = Math.max(0, wanted - made);
  // Adaptive probing and screening stop early once all problems are decided.
  const isAdaptive = difficulty.probing.type !== 'fixed' || difficulty.screening !== null;
  const rollouts = isAdaptive ? { low: missing / 4, expected: missing, high: missing } : exactly(missing);
  return [
    partOf('measuring', 'measuring', { rollouts, maxTokens: difficulty.maxTokens, isLearning: false }, known),
  ];
}

function stagePart(parts: PlannedParts, config: StageConfig, known: Known): PlanPart {
  const { problemsPerStep, groupSize, sampling } = resolveStage(parts.recipe, config);
  const pool = forecastPool(parts, config, known.attempts);
  const attempts = pool?.attempts ?? known.attempts;
  // A step never draws a problem twice.
  const groups = Math.min(problemsPerStep, Math.round(pool?.problems ?? Infinity));
  const full = exactly(config.maxSteps * groups * groupSize);
  const rollouts = times(full, refillFactor(config, groupSize, attempts));
  const length = measuredLength(attempts, '') ?? known.length;
  const work = { rollouts, maxTokens: sampling.maxTokens, isLearning: true };
  return partOf('stage', config.name, work, { ...known, length });
}

/** Returns the factor by which refills multiply the rollouts of a full batch. Refills replace rejected groups. */
function refillFactor(
  { gates, maxRefills }: StageConfig,
  groupSize: number,
  attempts: readonly ObservedGroup[],
): Range {
  if (gates.length === 0) return exactly(1);
  const measured = attempts.filter(({ trials }) => trials > 0);
  if (measured.length === 0) return { low: 1, expected: 1, high: 1 + maxRefills };
  const live = mean(measured.map((group) => unbiasedLive(group, groupSize)));
  return { low: 1, expected: Math.min(1 + maxRefills, 1 / Math.max(live, 1e-3)), high: 1 + maxRefills };
}

function evaluationPart({ suites }: PlannedParts, stages: readonly StageConfig[], known: Known): PlanPart[] {
  if (suites.length === 0) return [];
  const steps = sum(stages.map(({ maxSteps }) => maxSteps));
  const each = suites.map(({ config, problems }) => {
    // Suites are evaluated before the first step, every `every` steps, and after the last step.
    const evaluations = 1 + (config.every === null ? 1 : Math.ceil(steps / config.every));
    const rollouts = exactly(evaluations * problems.length * config.rollouts);
    const work = { rollouts, maxTokens: config.maxTokens, isLearning: false };
    const part = partOf('evaluation', 'evaluation', work, known);
    if (part.seconds === undefined || !config.greedy) return part;
    // Runs store only the verdicts of greedy attempts, which take time but do not count as rollouts.
    return { ...part, seconds: times(part.seconds, exactly(1 + 1 / config.rollouts)) };
  });
  return [each.reduce(addParts)];
}

interface Work {
  readonly rollouts: Range;
  readonly maxTokens: number;
  readonly isLearning: boolean;
}

function partOf(
  kind: PlanPart['kind'],
  name: string,
  { rollouts, maxTokens, isLearning }: Work,
  { length, history }: Known,
): PlanPart {
  const tokens = times(rollouts, lengthDuringTraining(length, maxTokens));
  if (history === undefined) return { kind, name, rollouts, tokens };
  const sampling = over(tokens, history.tokensPerSecond);
  const learning = times(tokens, history.learnSecondsPerToken);
  return { kind, name, rollouts, tokens, seconds: isLearning ? plus(sampling, learning) : sampling };
}

function omittedIn(recipe: Recipe): string[] {
  return recipe.stages.flatMap((stage) => {
    if (stage.type !== 'stage') return [`stage "${stage.name}": ${otherKinds[stage.type]}`];
    return stage.remeasure === undefined ? [] : [`stage "${stage.name}": measuring again before it`];
  });
}

/** Kinds of stages that the plan omits. */
const otherKinds = { imitate: 'learning from examples', distil: 'learning from a teacher' } as const;
