import { createAlgorithm } from '../../algorithms/algorithm.ts';
import type { Problem } from '../../core/problem.ts';
import { hashKey } from '../../core/rng.ts';
import { createGate } from '../../curriculum/gates/create-gate.ts';
import type { PoolProblem } from '../../curriculum/samplers/problem-sampler.ts';
import { createStageSampler } from '../../curriculum/samplers/stage-sampler.ts';
import { dropSettled, selectPool, type Selection } from '../../curriculum/select-pool.ts';
import type { StageConfig } from '../../curriculum/stage.ts';
import { firstMeasured } from '../../curriculum/stages.ts';
import { createStarts } from '../../curriculum/starts/create-starts.ts';
import type { Starts } from '../../curriculum/starts/starts.ts';
import type { LevelSubject } from '../../difficulty/levels/evaluate-rule.ts';
import {
  closedBookLabel,
  type PassRates,
  policyLabel,
  type Trials,
} from '../../difficulty/pass-rates/trials.ts';
import { readsClosedBook, resolveStage } from '../../recipe/resolve-stage.ts';
import { measureAt, measureClosedBook, measureFirst } from './measure-stage.ts';
import type { TrainingContext } from '../training-context.ts';
import { remeasureChanged } from './remeasure-changed.ts';
import type { LiveStage } from '../step/collect-batch.ts';
import type { PoolState } from '../state.ts';

/** The problems that a stage selects, and the results of its measurement. */
export interface StageEntry extends Selection {
  readonly remeasured: Readonly<Record<string, Trials>>;
}

/** Name and selection of a stage. */
type Named = Pick<StageConfig, 'name' | 'select'>;

/**
 * Selects, by recorded pass rate, the problems whose solutions a stage imitates. Measures the pass rates first if no earlier
 * stage has needed them.
 *
 * @param before pass rates measured at earlier stage boundaries, which take precedence over the base measurement.
 */
export async function selectExamples(
  given: TrainingContext,
  index: number,
  named: Named,
  before: Readonly<Record<string, Trials>>,
): Promise<StageEntry> {
  if (named.select === undefined) return { ...select(given, named, new Map()), remeasured: before };
  const context = await withClosedBook(given);
  const { recorded, remeasured } = await recordedPassRates(context, index, before);
  return { ...select(context, named, recorded), remeasured };
}

/**
 * Begins a stage: measures missing pass rates and selects the stage's problems.
 *
 * @param before pass rates measured at earlier stage boundaries, which take precedence over the base measurement.
 */
export async function selectStage(
  given: TrainingContext,
  index: number,
  stage: StageConfig,
  before: Readonly<Record<string, Trials>>,
): Promise<StageEntry> {
  const { problems } = given;
  const context = await withClosedBook(given);
  const { recorded, remeasured } = await recordedPassRates(context, index, before);
  const { remeasure } = stage;
  if (remeasure === undefined || index === 0) return { ...select(context, stage, recorded), remeasured };
  const candidates =
    remeasure.problems === 'all' ? problems : poolOf(problems, select(context, stage, recorded));
  const { passRates, note } =
    remeasure.where.type === 'changed'
      ? await remeasureChanged(context, index, candidates, {
          ...stage,
          remeasure: { ...remeasure, where: remeasure.where },
        })
      : { passRates: await measureAt(context, index, candidates, stage, remeasure), note: '' };
  const selection = select(context, stage, new Map([...recorded, ...passRates]), candidates);
  const { summary, ...settled } = dropSettled(selection, remeasure);
  return {
    ...settled,
    summary: summary + note,
    remeasured: { ...remeasured, ...Object.fromEntries(passRates) },
  };
}

/**
 * Returns the recorded pass rates. The first stage that needs them measures all problems; if the policy has already
 * changed, the result is stored as a measurement at the stage boundary, not of the base model.
 */
async function recordedPassRates(
  context: TrainingContext,
  index: number,
  before: Readonly<Record<string, Trials>>,
): Promise<{ recorded: PassRates; remeasured: Readonly<Record<string, Trials>> }> {
  const { recipe } = context;
  const first = firstMeasured(recipe.stages);
  const isDue = recipe.difficulty !== undefined && (first === 0 || index === first);
  const measured = isDue ? await measureFirst(context, recipe.difficulty!, first) : new Map<string, Trials>();
  const recorded = new Map([...measured, ...Object.entries(before)]);
  return { recorded, remeasured: first === 0 ? before : Object.fromEntries(recorded) };
}

/** Adds the base model's closed-book pass rates to the known ones, if a rule uses them. */
async function withClosedBook(context: TrainingContext): Promise<TrainingContext> {
  const { recipe, knownPassRates } = context;
  if (recipe.difficulty === undefined || !readsClosedBook(recipe)) return context;
  const closedBook = await measureClosedBook(context, recipe.difficulty);
  return { ...context, knownPassRates: new Map([...knownPassRates, [closedBookLabel, closedBook]]) };
}

/** Opens a stage, whether new or resumed, from its saved selection and sampler. */
export function openStage(
  context: TrainingContext,
  index: number,
  stage: StageConfig,
  { pool, sampler: saved, starts: savedStarts }: PoolState,
): LiveStage {
  const { recipe, problems } = context;
  const settings = resolveStage(recipe, stage);
  const ids = new Set(pool.map(({ id }) => id));
  const selected = new Map(problems.filter(({ id }) => ids.has(id)).map((problem) => [problem.id, problem]));
  const sampler = createStageSampler(
    settings.config,
    withOrigin(pool, selected),
    hashKey(recipe.seed, 'stage', index),
    settings.groupSize,
  );
  if (saved !== null) sampler.restore(saved);
  const starts = openStarts(settings.config, pool, selected, hashKey(recipe.seed, 'starts', index));
  if (savedStarts !== undefined) starts?.restore(savedStarts);
  return {
    settings,
    algorithm: createAlgorithm(settings.algorithm),
    problems: selected,
    levels: new Map(pool.flatMap(({ id, levels: [first] }) => (first === undefined ? [] : [[id, first]]))),
    sampler,
    ...(starts !== undefined && { starts }),
    gates: settings.config.gates.map(createGate),
  };
}

/** Creates the starts of a stage; returns undefined if all attempts begin at the prompt. */
function openStarts(
  { starts }: StageConfig,
  pool: readonly PoolProblem[],
  problems: ReadonlyMap<string, Problem>,
  seed: number,
): Starts | undefined {
  if (starts === undefined || starts.type === 'prompt') return undefined;
  const begun = pool.map(({ id, measured }) => {
    const { solution = '' } = problems.get(id)!;
    return { id, measured, hasSolution: solution.trim() !== '' };
  });
  return createStarts(starts, begun, seed);
}

/** Adds each problem's family, knob and source, which checkpoints do not store. */
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
  stage: Named,
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
