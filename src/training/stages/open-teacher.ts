import { ConfigError } from '../../core/errors.ts';
import type { Problem } from '../../core/problem.ts';
import { isTaught } from '../../curriculum/stages.ts';
import { isServed } from '../../engines/config.ts';
import { type Engine, type LocalEngine, requireLocal } from '../../engines/engine.ts';
import { openEngine } from '../../engines/open-engine.ts';
import { type ModelFolder, modelFolder } from '../../models/locate-folder.ts';
import type { LoadingOptions } from '../../problems/load-problems.ts';
import { fromBase, type Recipe } from '../../recipe/recipe.ts';
import { samplingIn } from '../../recipe/resolve-stage.ts';

/** The opened teacher, and where on a hub it came from. */
export interface OpenTeacher extends Pick<ModelFolder, 'record'> {
  readonly engine: Engine;
}

/** Number of problems whose text is encoded to compare the tokenizers. */
const compared = 100;

/**
 * Opens the teacher if a stage distils or harvests from it; otherwise returns `undefined`.
 *
 * @throws ConfigError if a stage distils from a teacher that has no local weights, tokenizes text differently, or has a
 * window that is too short for the policy's attempts.
 */
export async function openTeacher(
  recipe: Recipe,
  policy: LocalEngine,
  problems: readonly Problem[],
  options: LoadingOptions,
): Promise<OpenTeacher | undefined> {
  const { teacher, stages } = recipe;
  const isDistilled = stages.some(({ type }) => type === 'distil');
  if (teacher === undefined || !(isDistilled || stages.some(isTaught))) return undefined;
  const { folder, record }: ModelFolder = isServed(teacher.engine)
    ? { folder: teacher.model }
    : await modelFolder(fromBase(recipe, teacher.model), options);
  const engine = await openEngine(teacher.engine, folder, { train: false });
  try {
    if (isDistilled) {
      const local = requireLocal(engine);
      requireSameTokens(local, policy, problems, teacher.model);
      requireWindow(local, policy, problems, recipe);
    }
    return { engine, ...(record !== undefined && { record }) };
  } catch (error) {
    await engine[Symbol.asyncDispose]();
    throw error;
  }
}

function requireSameTokens(
  teacher: LocalEngine,
  policy: LocalEngine,
  problems: readonly Problem[],
  model: string,
): void {
  const texts = problems.slice(0, compared).flatMap(({ prompt }) => prompt.map(({ content }) => content));
  const other = texts.find((text) => tokensOf(teacher, text) !== tokensOf(policy, text));
  const ends = ({ renderer }: LocalEngine): string => renderer.endTokens.join(' ');
  if (other === undefined && ends(teacher) === ends(policy)) return;
  const what =
    other === undefined
      ? 'its end tokens differ'
      : `it encodes ${JSON.stringify(other.slice(0, 60))} as different tokens`;
  throw new ConfigError(
    `teacher: expected ${model} to have the tokenizer of the policy, but ${what}; choose a larger model of the same family`,
  );
}

/**
 * Rejects recipes whose attempts may exceed the teacher's window, beyond which its scores are meaningless.
 */
function requireWindow(
  teacher: LocalEngine,
  policy: LocalEngine,
  problems: readonly Problem[],
  recipe: Recipe,
): void {
  const [{ maxSequenceTokens: window = Infinity, model }, own] = [teacher.sampler.info, policy.sampler.info];
  if ((own.maxSequenceTokens ?? Infinity) <= window) return;
  const longest = problems.reduce(
    (most, { prompt }) => Math.max(most, policy.renderer.render(prompt).length),
    0,
  );
  for (const stage of recipe.stages.filter(({ type }) => type === 'distil')) {
    const { maxTokens } = samplingIn(recipe, stage);
    if (longest + maxTokens <= window) continue;
    throw new ConfigError(
      `teacher: expected a window of ${longest} + ${maxTokens} tokens, for the longest prompt and the answers of stage "${stage.name}", ` +
        `got ${window} in ${model}; lower maxTokens, remove long problems, or choose another teacher`,
    );
  }
}

const tokensOf = ({ renderer }: LocalEngine, text: string): string => renderer.encode(text).join(' ');
