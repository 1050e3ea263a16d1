import type * as z from 'zod';
import type { Problem } from '../../core/problem.ts';
import {
  type remeasureConfig,
  selectionRule,
  type StageConfig,
  type WhereChanged,
} from '../../curriculum/stage.ts';
import { cutsOfRules } from '../../difficulty/levels/cuts-of-rules.ts';
import { type Cut, sortCuts } from '../../difficulty/probing/cut-points.ts';
import { learnStart, observed, predicted, type RateBelief } from '../../difficulty/drift/drift.ts';
import { worthInTrials } from '../../difficulty/probing/weigh-trials.ts';
import { believeAt, fitDrift, type Visit } from '../../difficulty/drift/fit-drift.ts';
import type { LevelRule } from '../../difficulty/levels/level-rules.ts';
import { isToBeMeasured, planNextAttempts, planRemeasure } from '../../difficulty/drift/remeasure-plan.ts';
import { policyLabel, type PassRates, type Trials } from '../../difficulty/pass-rates/trials.ts';
import type { Recipe } from '../../recipe/recipe.ts';
import { resolveStage } from '../../recipe/resolve-stage.ts';
import { withEnvironments } from '../../rollout/roll-groups.ts';
import { samplingOf } from '../../measuring/measure.ts';
import { measureAt } from './measure-stage.ts';
import { editionsOf, judgementLabel, templateOf } from '../../measuring/observation.ts';
import type { TrainingContext } from '../training-context.ts';

type Remeasure = z.infer<typeof remeasureConfig> & { readonly where: WhereChanged };

/**
 * Updates the pass rates of problems when a stage begins. Spends rollouts only on problems whose selection may have
 * changed. Uses all trials recorded with the stage's sampling settings: from the base measurement, from training, and
 * from earlier boundaries. The more pass rates have changed since a trial, the less the trial counts.
 *
 * @returns the evidence about each problem as a number of equivalent trials, and a summary as text.
 */
export async function remeasureChanged(
  context: TrainingContext,
  index: number,
  candidates: readonly Problem[],
  stage: StageConfig & { readonly remeasure: Remeasure },
): Promise<{ passRates: PassRates; note: string }> {
  const { recipe, run } = context;
  const { remeasure } = stage;
  const { rollouts: trials, where } = remeasure;
  const what = { cuts: cutsAsked(recipe, stage, remeasure), trials };
  const beliefs = believeNow(visitsBefore(context, index, stage, candidates), candidates, run.step);
  const aged = candidates.map(({ id }) => ({ id, belief: beliefs.get(id)! }));
  const budget = where.share * trials * candidates.length;
  const plan = planRemeasure(aged, what, { budget, recall: where.recall });
  const chosen = candidates.filter(({ id }) => isToBeMeasured(plan, id));
  const measured = await measureAt(context, index, chosen, stage, {
    rollouts: trials,
    plan: (ids, onRecord) => planNextAttempts(plan, ids, onRecord),
  });
  const spent = [...measured.values()].reduce((sum, one) => sum + one.trials, 0);
  const worth = (id: string): Trials => {
    const now = measured.get(id);
    const belief = beliefs.get(id)!;
    return worthInTrials(
      predicted(now === undefined ? belief : observed(belief, now.successes, now.trials), trials),
    );
  };
  const [before, after] = plan.expectedWrong;
  const note =
    `; ${chosen.length} of ${candidates.length} measured again in ${spent} attempts: about ` +
    `${before.toFixed(0)} of the known answers were expected to be wrong, ${after.toFixed(0)} afterwards`;
  return { passRates: new Map(candidates.map(({ id }) => [id, worth(id)])), note };
}

/** Returns the bounds on the policy's pass rate that decide whether the stage selects a problem. */
function cutsAsked(recipe: Recipe, stage: StageConfig, remeasure: Remeasure): Cut[] {
  const rule = selectionRule(stage);
  const ruleOf = new Map(recipe.levels.map((level) => [level.name, level.rule]));
  return sortCuts([
    ...cutsOfRules(rule === null ? [] : withLevels(rule, ruleOf), policyLabel),
    ...(remeasure.dropAlwaysSolved ? [{ at: 1, excludeAt: false }] : []),
    ...(remeasure.dropNeverSolved ? [{ at: 0, excludeAt: true }] : []),
  ]);
}

/** Returns a rule and the rules of all levels that it names. */
function withLevels(rule: LevelRule, ruleOf: ReadonlyMap<string, LevelRule>): LevelRule[] {
  switch (rule.type) {
    case 'band':
    case 'domain':
      return [rule];
    case 'level':
      return withLevels(ruleOf.get(rule.level)!, ruleOf);
    case 'all':
    case 'any':
      return rule.rules.flatMap((inner) => withLevels(inner, ruleOf));
    case 'not':
    case 'thin':
      return withLevels(rule.rule, ruleOf);
  }
}

type Visits = ReadonlyMap<string, Visit[]>;

/**
 * Returns the trials of each problem before the stage begins, in order. The store may contain later trials, which the
 * run recorded before it was resumed; these are omitted.
 */
function visitsBefore(
  context: TrainingContext,
  index: number,
  stage: StageConfig,
  candidates: readonly Problem[],
): Visits {
  const { store, engine, recipe, run } = context;
  const parts = withEnvironments(context, stage);
  const how = { model: engine.sampler.info.modelHash, ...templateOf(engine) };
  const sampling = samplingOf(resolveStage(recipe, stage).sampling);
  const editions = editionsOf(candidates);
  const verifiers = new Set(candidates.map((problem) => judgementLabel(parts, problem)));
  const groups = [...verifiers].flatMap((verifier) =>
    store.groups({ ...how, ...sampling, verifier }, { editions }),
  );
  const seen = groups
    .filter(({ step, trials }) => trials > 0 && step <= run.step)
    .filter(({ source, step }) => source.type !== 'training' || step < run.step)
    .filter(({ source }) => source.type !== 'boundary' || source.stage < index)
    .map(({ problemId, step: time, successes, trials }) => ({ problemId, time, successes, trials }))
    .toSorted((a, b) => a.time - b.time);
  return Map.groupBy(seen, ({ problemId }) => problemId);
}

function believeNow(
  visits: Visits,
  candidates: readonly Problem[],
  now: number,
): ReadonlyMap<string, RateBelief> {
  const start = learnStart([...visits.values()].map(([first]) => first!));
  const model = fitDrift(start, [...visits.values()]);
  const known = new Map<string, RateBelief>();
  const believe = (own: readonly Visit[]): RateBelief => {
    const key = own.map(({ time, successes, trials }) => `${time} ${successes}/${trials}`).join(' ');
    const found = known.get(key) ?? believeAt(model, own, now);
    known.set(key, found);
    return found;
  };
  return new Map(candidates.map(({ id }) => [id, believe(visits.get(id) ?? [])]));
}
