import { countOf } from '../../core/text/count.ts';
import { DataError } from '../../core/errors.ts';
import { type Problem, promptsOf } from '../../core/problem.ts';
import { createRng, hashKey } from '../../core/rng.ts';
import { answerOf, policyVersionOf, writtenTokens } from '../../core/rollout.ts';
import type { HarvestConfig, ImitateConfig } from '../../curriculum/imitate.ts';
import type { Trials } from '../../difficulty/pass-rates/trials.ts';
import { textOf } from '../../problems/problem-text.ts';
import { fromBase } from '../../recipe/recipe.ts';
import { samplingIn } from '../../recipe/resolve-stage.ts';
import { readExamples } from '../../supervised/examples.ts';
import type { SupervisedExample } from '../../supervised/supervised.ts';
import { selectExamples } from '../stage-entry/enter-stage.ts';
import type { TrainingContext } from '../training-context.ts';
import { chooseAttempts } from './choose-attempts.ts';
import { harvestAttempts } from './harvest.ts';

/** An example and where it came from; readers of examples ignore the additional fields. */
export interface GatheredExample extends SupervisedExample {
  /** Index of the attempt at the problem. */
  readonly attempt?: number;
  readonly tokens?: number;
  readonly policyVersion?: number | null;
  /** Model that wrote the completion; absent if it was the policy. */
  readonly teacher?: string;
}

/** Examples of a stage, in a fixed order. */
export interface GatheredExamples {
  readonly examples: readonly GatheredExample[];
  /** Describes where the examples come from. */
  readonly summary: string;
  readonly remeasured: Readonly<Record<string, Trials>>;
}

type Remeasured = GatheredExamples['remeasured'];

/**
 * Reads the examples of a stage from its file or from the problems' solutions, or harvests them.
 *
 * @throws DataError if no example is found.
 */
export async function gatherExamples(
  context: TrainingContext,
  index: number,
  stage: ImitateConfig,
  remeasured: Remeasured,
): Promise<GatheredExamples> {
  const { examples: source, name } = stage;
  if (typeof source === 'string') {
    const examples = await readExamples(fromBase(context.recipe, source));
    return { examples, summary: source, remeasured };
  }
  const named = { name, ...(source.select !== undefined && { select: source.select }) };
  const entry = await selectExamples(context, index, named, remeasured);
  const ids = new Set(entry.pool.map(({ id }) => id));
  const selected = context.problems.filter(({ id }) => ids.has(id));
  const problems = withoutHeldOut(context, selected);
  const left = selected.length - problems.length;
  const gathered =
    source.type === 'solutions'
      ? solutionsOf(problems)
      : await harvested(context, index, { name, source, problems: drawn(context, index, source, problems) });
  const skipped = left === 0 ? '' : `; ${countOf(left, 'problem')} of a suite left out`;
  if (gathered.examples.length === 0) {
    throw new DataError(
      `stage "${name}": expected examples to imitate, got none from ${gathered.summary}${skipped}; ` +
        (source.type === 'solutions'
          ? 'name the column of the solutions in the problem source, columns: { solution: … }, or use harvest()'
          : 'select easier problems, or make more attempts (rollouts)'),
    );
  }
  return {
    examples: gathered.examples,
    summary: `${gathered.summary}${skipped}`,
    remeasured: entry.remeasured,
  };
}

/** Drops problems that are also in a suite, by id or by text. */
function withoutHeldOut({ suites }: TrainingContext, problems: readonly Problem[]): Problem[] {
  const held = suites.flatMap((suite) => suite.problems);
  const [ids, texts] = [new Set(held.map(({ id }) => id)), new Set(held.map(textOf))];
  return problems.filter((problem) => !ids.has(problem.id) && !texts.has(textOf(problem)));
}

/** Draws the problems for a harvest; returns them in their original order. */
function drawn(
  { recipe }: TrainingContext,
  index: number,
  { problems: most = Infinity }: HarvestConfig,
  problems: readonly Problem[],
): readonly Problem[] {
  if (problems.length <= most) return problems;
  const chosen = new Set(createRng(recipe.seed, 'harvest', index).shuffle(problems).slice(0, most));
  return problems.filter((problem) => chosen.has(problem));
}

type Gathered = Pick<GatheredExamples, 'examples' | 'summary'>;

function solutionsOf(problems: readonly Problem[]): Gathered {
  const examples = problems.flatMap(({ id, solution, ...problem }) =>
    solution === undefined || solution === ''
      ? []
      : promptsOf(problem).map((prompt) => ({ prompt, completion: solution, problem: id })),
  );
  return { examples, summary: `worked solutions of ${countOf(problems.length, 'problem')}` };
}

async function harvested(
  context: TrainingContext,
  index: number,
  { name, source, problems }: { name: string; source: HarvestConfig; problems: readonly Problem[] },
): Promise<Gathered> {
  const { run, recipe } = context;
  const sampling = samplingIn(recipe, { ...source, name });
  const by = source.from === 'teacher' ? context.teacher! : context.engine;
  const request = { stage: index, problems, rollouts: source.rollouts, sampling, by };
  const groups = await harvestAttempts(context, request);
  // Only the policy's attempts are recorded as rollouts; a teacher's attempts are stored only in the harvest.
  if (source.from === 'policy')
    await run.recordRollouts({
      step: run.step,
      stage: name,
      purpose: 'measure',
      groups: groups.map((group) => ({ group })),
    });
  const examples = groups.flatMap(({ problem, rollouts }) =>
    chooseAttempts(rollouts, source, hashKey(recipe.seed, 'harvest', index, problem.id)).map((rollout) => ({
      prompt: problem.prompt,
      completion: answerOf(rollout),
      problem: problem.id,
      attempt: rollout.index,
      tokens: writtenTokens(rollout),
      ...(source.from === 'teacher'
        ? { teacher: by.sampler.info.model }
        : { policyVersion: policyVersionOf(rollout) }),
    })),
  );
  const attempts = groups.flatMap(({ rollouts }) => rollouts);
  const correct = attempts.filter(({ verdict }) => verdict.outcome === 'correct').length;
  return {
    examples,
    summary:
      `${correct} correct of ${countOf(attempts.length, 'attempt')} at ${countOf(problems.length, 'problem')}` +
      (source.from === 'teacher' ? ` by ${by.sampler.info.model}` : ''),
  };
}
