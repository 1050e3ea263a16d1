import { createAlgorithm } from '../../algorithms/algorithm.ts';
import type { Problem } from '../../core/problem.ts';
import { hashKey } from '../../core/rng.ts';
import { createGate } from '../../curriculum/gates/create-gate.ts';
import type { PoolProblem } from '../../curriculum/samplers/problem-sampler.ts';
import { createStageSampler } from '../../curriculum/samplers/stage-sampler.ts';
import { dropSettled, selectPool, type Selection } from '../../curriculum/select-pool.ts';
import type { StageConfig } from '../../curriculum/stage.ts';
import type { LevelSubject } from '../../difficulty/levels/evaluate-rule.ts';
import {
  closedBookLabel,
  type PassRates,
  policyLabel,
  type Trials,
} from '../../difficulty/pass-rates/trials.ts';
import { readsClosedBook, resolveStage } from '../../recipe/resolve-stage.ts';
import { measureAt, measureBase, measureClosedBook } from './measure-stage.ts';
import type { TrainingContext } from '../training-context.ts';
import { remeasureChanged } from './remeasure-changed.ts';
import type { LiveStage } from '../step/collect-batch.ts';
import type { StageState } from '../state.ts';

/** Problems of a stage, and the results of measuring them again. */
export interface StageEntry extends Selection {
  readonly remeasured: Readonly<Record<string, Trials>>;
}

/**
 * Begins a stage: measures what is missing, and selects the stage's problems.
 *
 * @param remeasured pass rates that earlier boundaries measured; newer than the base measurement.
 */
export async function selectStage(
  given: TrainingContext,
  index: number,
  remeasured: Readonly<Record<string, Trials>>,
): Promise<StageEntry> {
  const { recipe, problems } = given;
  const stage = recipe.stages[index]!;
  const context = await withClosedBook(given);
  const base = recipe.difficulty === undefined ? [] : await measureBase(context, recipe.difficulty);
  const recorded = new Map([...base, ...Object.entries(remeasured)]);
  const { remeasure } = stage;
  if (remeasure === undefined || index === 0) return { ...select(context, stage, recorded), remeasured };
  const candidates =
    remeasure.problems === 'all' ? problems : poolOf(problems, select(context, stage, recorded));
  const { passRates, note } =
    remeasure.where.type === 'changed'
      ? await remeasureChanged(context, index, candidates, { ...remeasure, where: remeasure.where })
      : { passRates: await measureAt(context, index, candidates, remeasure.rollouts), note: '' };
  const selection = select(context, stage, new Map([...recorded, ...passRates]), candidates);
  const { summary, ...settled } = dropSettled(selection, remeasure);
  return {
    ...settled,
    summary: summary + note,
    remeasured: { ...remeasured, ...Object.fromEntries(passRates) },
  };
}

/** Adds the base model's closed-book pass rates to the known ones, if a rule reads them. */
async function withClosedBook(context: TrainingContext): Promise<TrainingContext> {
  const { recipe, knownPassRates } = context;
  if (recipe.difficulty === undefined || !readsClosedBook(recipe)) return context;
  const closedBook = await measureClosedBook(context, recipe.difficulty);
  return { ...context, knownPassRates: new Map([...knownPassRates, [closedBookLabel, closedBook]]) };
}

/** Restores a stage from its saved selection and sampler: the same for a new and a resumed stage. */
export function openStage(
  context: TrainingContext,
  index: number,
  { pool, sampler: saved }: StageState,
): LiveStage {
  const { recipe, problems } = context;
  const settings = resolveStage(recipe, recipe.stages[index]!);
  const ids = new Set(pool.map(({ id }) => id));
  const selected = new Map(problems.filter(({ id }) => ids.has(id)).map((problem) => [problem.id, problem]));
  const sampler = createStageSampler(
    settings.config,
    withOrigin(pool, selected),
    hashKey(recipe.seed, 'stage', index),
    settings.groupSize,
  );
  if (saved !== null) sampler.restore(saved);
  return {
    settings,
    algorithm: createAlgorithm(settings.algorithm),
    problems: selected,
    levels: new Map(pool.flatMap(({ id, levels: [first] }) => (first === undefined ? [] : [[id, first]]))),
    sampler,
    gates: settings.config.gates.map(createGate),
  };
}

/** Adds family, knob and source, which checkpoints do not repeat for each problem. */
export function withOrigin(
  pool: readonly PoolProblem[],
  problems: ReadonlyMap<string, Problem>,
): PoolProblem[] {
  return pool.map((one) => {
    const { family, knob, source } = problems.get(one.id)!;
    return { ...one, source, ...(family !== undefined && { family }), ...(knob !== undefined && { knob }) };
  });
}

function select(
  { levels, problems, knownPassRates }: TrainingContext,
  stage: StageConfig,
  policy: PassRates,
  candidates: readonly Problem[] = problems,
): Selection {
  const subjects = candidates.map((problem): LevelSubject => {
    const known = [...knownPassRates].map(([label, one]) => [label, one.get(problem.id)] as const);
    const all = [[policyLabel, policy.get(problem.id)] as const, ...known];
    const passRates = Object.fromEntries(all.filter((entry) => entry[1] !== undefined)) as Record<
      string,
      Trials
    >;
    return { id: problem.id, domain: problem.domain, passRates };
  });
  return selectPool(stage, subjects, levels);
}

function poolOf(problems: readonly Problem[], { pool }: Selection): Problem[] {
  const ids = new Set(pool.map(({ id }) => id));
  return problems.filter(({ id }) => ids.has(id));
}
