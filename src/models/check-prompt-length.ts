import { ConfigError, DataError } from '../core/errors.ts';
import type { Problem } from '../core/problem.ts';
import type { Engine, EngineInfo } from '../engines/engine.ts';
import { openModelFolder } from '../engines/model-files/model-folder.ts';
import type { Finding } from '../problems/hygiene/report.ts';
import type { Recipe } from '../recipe/recipe.ts';
import { resolveStage } from '../recipe/resolve-stage.ts';
import { modelFolder } from './locate-folder.ts';

/**
 * Rejects prompts that leave no room for an answer before sampling starts; otherwise one such problem would end a run
 * after hours. Skips model servers, which check prompts themselves.
 *
 * @throws DataError with their number and the first one.
 */
export function requireRoom(
  { sampler, renderer }: Pick<Engine, 'sampler' | 'renderer'>,
  problems: readonly Problem[],
): void {
  const { maxSequenceTokens, model, server } = sampler.info;
  if (server !== undefined || renderer === undefined || maxSequenceTokens === undefined) return;
  const overlong = problems
    .filter((problem) => mayFill(problem, maxSequenceTokens))
    .map((problem) => ({ problem, tokens: renderer.render(problem.prompt).length }))
    .filter(({ tokens }) => tokens >= maxSequenceTokens);
  const [first] = overlong;
  if (first === undefined) return;
  throw new DataError(
    `expected prompts that leave room for an answer in the model's ${maxSequenceTokens} tokens, got ${overlong.length} of ` +
      `${problems.length} that do not, e.g. problem ${first.problem.id} (${first.problem.source}) with ${first.tokens}; remove them`,
    { tryNext: `gradus data check <problems> --model ${model} --out checked.jsonl` },
  );
}

/** A byte gives at most two tokens, and templates stay below a thousand: most prompts need no encoding. */
function mayFill({ prompt }: Problem, tokens: number): boolean {
  const bytes = prompt.reduce((sum, { content }) => sum + Buffer.byteLength(content), 0);
  return 2 * bytes + 1024 >= tokens;
}

/** Warns where a recipe allows answers longer than the model's window, which its figures would not show. */
export function beyondWindow(recipe: Recipe, { maxSequenceTokens = Infinity }: EngineInfo): string[] {
  const asked = [
    ...recipe.stages.map((stage) => ({
      where: `stage "${stage.name}"`,
      maxTokens: resolveStage(recipe, stage).sampling.maxTokens,
    })),
    ...recipe.evaluation.map(({ name, maxTokens }) => ({ where: `suite "${name}"`, maxTokens })),
  ];
  return asked
    .filter(({ maxTokens }) => maxTokens > maxSequenceTokens)
    .map(
      ({ where, maxTokens }) =>
        `${where}: maxTokens is ${maxTokens}, but prompt and answer together are limited to the model's ${maxSequenceTokens} tokens`,
    );
}

/**
 * Creates a check for data cleaning: finds problems whose prompt, in the model's template, exceeds `most` tokens.
 *
 * @param model a model folder or a `hf://` address.
 * @param most default: one less than the model's window.
 */
export async function openOverlongCheck(
  model: string,
  most?: number,
): Promise<(problem: Problem) => Finding | undefined> {
  const { config, tokenizer } = await openModelFolder((await modelFolder(model, {})).folder);
  const limit = most ?? config.maxPositions - 1;
  if (limit >= config.maxPositions)
    throw new ConfigError(
      `--max-prompt-tokens ${limit}: expected less than the model's ${config.maxPositions}`,
    );
  return ({ id, prompt }) => {
    const tokens = tokenizer.encodePrompt(prompt).length;
    if (tokens <= limit) return undefined;
    const explanation = `its prompt has ${tokens} tokens, more than ${limit}`;
    return { id, reason: 'overlong prompt', explanation, evidence: { tokens, limit } };
  };
}
