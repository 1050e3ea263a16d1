import { availableParallelism, totalmem } from 'node:os';
import { byteCount } from '../core/text/byte-size.ts';
import { GradusError } from '../core/errors.ts';
import { createRng } from '../core/rng.ts';
import { chooseLaneLayout } from '../engines/embedded/lanes/lane-layout.ts';
import { trainingMemory } from '../engines/embedded/memory-budget.ts';
import { openModelFolder } from '../engines/model-files/model-folder.ts';
import { resolveStage } from '../recipe/resolve-stage.ts';
import { sum } from '../statistics/summary.ts';
import { changesThatFit } from './changes-that-fit.ts';
import type { RunPlan } from './plan.ts';
import type { PlannedParts } from './planned-parts.ts';

/** Maximum number of prompts to encode in order to find the longest one. */
const mostPrompts = 2000;

/**
 * Computes the memory for weights, optimizer, microbatches, keys and values by the embedded engine's own rules, for the longest
 * prompt with the longest answer. Returns `undefined` for other engines, and if no stage samples.
 */
export async function planMemory({ recipe, engine, problems }: PlannedParts): Promise<RunPlan['memory']> {
  const settings = recipe.policy.engine;
  const { renderer, sampler } = engine;
  if (settings.type !== 'embedded' || renderer === undefined) return undefined;
  const sample = createRng(recipe.seed, 'plan').shuffle(problems).slice(0, mostPrompts);
  const longestPrompt = sample.reduce(
    (most, { prompt }) => Math.max(most, renderer.render(prompt).length),
    0,
  );
  const longestAnswer = recipe.stages.reduce(
    (most, stage) =>
      stage.type === 'stage' ? Math.max(most, resolveStage(recipe, stage).sampling.maxTokens) : most,
    0,
  );
  if (longestAnswer === 0) return undefined;
  const batches = recipe.stages.map((stage) => {
    if (stage.type === 'imitate') return stage.batchSize;
    if (stage.type === 'distil') return (stage.problemsPerStep ?? recipe.batch.problems) * stage.rollouts;
    const { problemsPerStep, groupSize } = resolveStage(recipe, stage);
    return problemsPerStep * groupSize;
  });
  const sequences = Math.max(...batches);
  // Suites and measurements may request as many sequences as the slots hold.
  const isRequestLarge = recipe.evaluation.length > 0 || recipe.difficulty !== undefined;
  const positions = Math.min(longestPrompt + longestAnswer, sampler.info.maxSequenceTokens ?? Infinity);
  const budget = byteCount(settings.memoryBudget);
  const { config } = await openModelFolder(sampler.info.model);
  const { lanes } = await chooseLaneLayout(
    config,
    { ...settings, memoryBudgetBytes: budget },
    availableParallelism(),
  );
  const needed = (length: number, memoryBudgetBytes: number): number =>
    sum(
      Object.values(
        trainingMemory(config, {
          positions: length,
          sequences,
          requested: isRequestLarge ? Infinity : sequences,
          isMultiTurn: Object.keys(recipe.environments).length > 0,
          slots: settings.slots,
          runners: lanes,
          memoryBudgetBytes,
        }),
      ),
    );
  try {
    return { bytes: needed(positions, budget), budget, positions };
  } catch (error) {
    if (!isOverBudget(error)) throw error;
    const answerTokens = Math.min(longestAnswer, positions - longestPrompt);
    const changes = changesThatFit((length, bytes) => fits(() => needed(length, bytes)), {
      promptTokens: longestPrompt,
      answerTokens,
      isLimitShared: recipe.stages.every((stage) => stage.type !== 'stage' || stage.maxTokens === undefined),
      budgetBytes: budget,
      machineBytes: totalmem(),
    });
    return { budget, positions, problem: error.message, changes };
  }
}

const isOverBudget = (error: unknown): error is GradusError =>
  GradusError.isInstance(error) && error.code === 'MEMORY_BUDGET';

function fits(computeMemory: () => number): boolean {
  try {
    computeMemory();
    return true;
  } catch (error) {
    if (isOverBudget(error)) return false;
    throw error;
  }
}
