import type { Problem } from '../core/problem.ts';
import type { DataRecord, FileRecord } from '../core/source-record.ts';
import { type EngineConfig, isServed } from '../engines/config.ts';
import { requireLearner, requireLocal } from '../engines/engine.ts';
import { readTokenizerInfo } from '../engines/model-files/tokenizer.ts';
import { openEngine } from '../engines/open-engine.ts';
import { fromBase, type Recipe } from '../recipe/recipe.ts';
import { checkRecipe, resolvedStages } from '../recipe/resolve-stage.ts';
import { requireFreezing } from './step/batch-source.ts';
import { createPendingWork } from '../rollout/pending.ts';
import { openEnvironments } from '../environments/open-environments.ts';
import { openVerifiers } from '../verifiers/open-verifiers.ts';
import { checkStages, problemWarnings } from '../recipe/check-against-problems.ts';
import { readKnownPassRates } from '../measuring/known-pass-rates.ts';
import { textOf } from '../problems/problem-text.ts';
import { recordOf } from '../problems/locate-files.ts';
import { readExamples } from '../supervised/examples.ts';
import { loadSources, type LoadingOptions } from '../problems/load-problems.ts';
import { type ModelFolder, modelFolder } from '../models/locate-folder.ts';
import { openTeacher } from './stages/open-teacher.ts';
import type { LoadedSuite, TrainingParts } from './training-context.ts';
import { unknownTokenWarning } from '../models/unknown-tokens.ts';
import { requireReplies } from '../models/check-replies.ts';
import { beyondWindow, requireRoom } from '../models/check-prompt-length.ts';

/** The parts of a run, which the caller must dispose of. */
export interface OpenParts extends TrainingParts, AsyncDisposable {
  /** Files from which problems and suites were read. */
  readonly data: DataRecord;
}

/** Options for loading a recipe's parts. */
export interface BuildOptions extends LoadingOptions {
  /** Called with the files that were read, before any engine or verifier is opened; may throw to reject them. */
  readonly onData?: (data: DataRecord) => void;
}

/**
 * Builds everything that a recipe names: loads and checks problems, and opens verifiers and the engine.
 *
 * @throws ConfigError, DataError or EngineError with the first error, after closing everything that was opened.
 */
export async function buildParts(recipe: Recipe, options: BuildOptions = {}): Promise<OpenParts> {
  const levels = checkRecipe(recipe);
  const { problems, suites, data } = await loadData(recipe, options);
  checkStages(recipe, problems);
  const knownPassRates = readKnownPassRates(recipe, problems);
  await using opened = new AsyncDisposableStack();
  const verifierFor = openVerifiers(recipe, opened);
  const environmentOf = await openEnvironments(recipe, opened);
  for (const problem of [...problems, ...suites.flatMap((suite) => suite.problems)])
    verifierFor(problem).check(problem);
  const model = await policyModel(recipe, options);
  const engine = requireLearner(opened.use(await openEngine(recipe.policy.engine, model.folder)));
  const everyProblem = [...problems, ...suites.flatMap((suite) => suite.problems)];
  requireRoom(engine, everyProblem);
  requireReplies(engine, everyProblem.map(environmentOf));
  const trainedPrompts = problems.map(({ prompt }) => prompt);
  for (const stage of resolvedStages(recipe)) requireFreezing(engine, stage);
  const teacher = await openTeacher(recipe, engine, problems, options);
  if (teacher !== undefined) opened.use(teacher.engine);
  const held = opened.move();
  return {
    recipe,
    engine,
    verifierFor,
    environmentOf,
    pending: createPendingWork(),
    problems,
    suites,
    data: {
      ...data,
      ...(model.record !== undefined && { model: model.record }),
      ...(teacher?.record !== undefined && { teacher: teacher.record }),
    },
    openFrozen: async (state) =>
      requireLocal(
        await openEngine(withoutReplicas(recipe.policy.engine), model.folder, { train: false, state }),
      ),
    teacher: teacher?.engine,
    levels,
    knownPassRates,
    warnings: [
      ...suites.flatMap((suite) => overlapOf(suite, problems)),
      ...duplicatesIn(problems),
      ...problemWarnings(recipe, problems),
      ...beyondWindow(recipe, engine.sampler.info),
      ...optional(unknownTokenWarning(engine.renderer, trainedPrompts)),
      ...(await missingTemplate(model.folder)),
    ],
    [Symbol.asyncDispose]: () => held.disposeAsync(),
  };
}

/**
 * Returns the engine settings without vLLM servers: with them, a second set of servers would start on the same GPUs.
 */
const withoutReplicas = (engine: EngineConfig): EngineConfig =>
  engine.type === 'torch' ? { ...engine, vllm: undefined } : engine;

const optional = (warning: string | undefined): string[] => (warning === undefined ? [] : [warning]);

/** Warns if prompts are rendered as plain text because the model folder has no chat template. */
async function missingTemplate(folder: string): Promise<string[]> {
  if ((await readTokenizerInfo(folder))['chat_template'] !== null) return [];
  return [
    `${folder}: no chat template; the messages of a prompt are joined as plain text, without roles. For a chat model, add its chat_template.jinja`,
  ];
}

/**
 * Warns if problems from files have the same text: they are drawn more often and may have different gold answers.
 */
function duplicatesIn(problems: readonly Problem[]): string[] {
  const first = new Map<string, string>();
  const pairs = problems.flatMap((problem) => {
    if (problem.source === 'generated') return [];
    const text = textOf(problem);
    const before = first.get(text);
    first.set(text, before ?? problem.id);
    return before === undefined ? [] : [`${before} and ${problem.id}`];
  });
  if (pairs.length === 0) return [];
  return [
    `problems: ${pairs.length} of ${problems.length} repeat the text of another problem, e.g. ${pairs[0]}; gradus data dedup removes them`,
  ];
}

/** Warns if a suite is not held out, that is, if training problems have the same text as its problems. */
function overlapOf({ config, problems }: LoadedSuite, trained: readonly Problem[]): string[] {
  const seen = new Set(trained.map(textOf));
  const shared = problems.filter((problem) => seen.has(textOf(problem)));
  if (shared.length === 0) return [];
  return [
    `suite "${config.name}": ${shared.length} of ${problems.length} problems are also trained on, e.g. ${shared[0]!.id}; its accuracy will be too high`,
  ];
}

async function loadData(recipe: Recipe, { onData, ...options }: BuildOptions) {
  const { problems, records } = await loadSources(recipe.problems, recipe, options);
  const suites = [];
  for (const { problems: sources, ...config } of recipe.evaluation) {
    const loaded = await loadSources(sources, recipe, options);
    suites.push({ config, problems: loaded.problems, sources: loaded.records });
  }
  const examples = await exampleRecords(recipe);
  const data = {
    problems: records,
    suites: Object.fromEntries(suites.map(({ config, sources }) => [config.name, sources])),
    ...(examples.length > 0 && { examples }),
  };
  onData?.(data);
  return { problems, suites, data };
}

/** Reads the files of examples once, so that an invalid row is found before training starts. */
async function exampleRecords(recipe: Recipe): Promise<FileRecord[]> {
  const paths = recipe.stages.flatMap((stage) =>
    stage.type === 'imitate' && typeof stage.examples === 'string' ? [stage.examples] : [],
  );
  const records: FileRecord[] = [];
  for (const name of new Set(paths)) {
    const path = fromBase(recipe, name);
    await readExamples(path);
    records.push(await recordOf({ file: path, name }));
  }
  return records;
}

/** Resolves the policy's model for its engine: a folder, or the name of the model on a server. */
async function policyModel(recipe: Recipe, options: LoadingOptions): Promise<ModelFolder> {
  const { model, engine } = recipe.policy;
  return isServed(engine) ? { folder: model } : modelFolder(fromBase(recipe, model), options);
}
