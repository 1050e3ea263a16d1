import { ConfigError, DataError } from '../core/errors.ts';
import { type Problem, promptsOf } from '../core/problem.ts';
import type { Engine, EngineInfo } from '../engines/engine.ts';
import { openModelFolder } from '../engines/model-files/model-folder.ts';
import type { Finding } from '../problems/hygiene/report.ts';
import type { Recipe } from '../recipe/recipe.ts';
import { resolvedStages } from '../recipe/resolve-stage.ts';
import { countUnknown, percent } from './unknown-tokens.ts';
import { modelFolder } from './locate-folder.ts';

/**
 * Rejects prompts that leave no room for an answer before sampling starts; otherwise one such problem would end a run
 * after hours. Skips model servers, which check prompts themselves.
 *
 * @throws DataError that gives the number of such problems and names the first one.
 */
export function requireRoom(
  { sampler, renderer }: Pick<Engine, 'sampler' | 'renderer'>,
  problems: readonly Problem[],
): void {
  const { maxSequenceTokens, model, server } = sampler.info;
  if (server !== undefined || renderer === undefined || maxSequenceTokens === undefined) return;
  const overlong = problems
    .filter((problem) => mayFill(problem, maxSequenceTokens))
    .map((problem) => ({
      problem,
      tokens: Math.max(...promptsOf(problem).map((prompt) => renderer.render(prompt).length)),
    }))
    .filter(({ tokens }) => tokens >= maxSequenceTokens);
  const [first] = overlong;
  if (first === undefined) return;
  throw new DataError(
    `expected prompts that leave room for an answer in the model's ${maxSequenceTokens} tokens, got ${overlong.length} of ` +
      `${problems.length} that do not, e.g. problem ${first.problem.id} (${first.problem.source}) with ${first.tokens}; remove them`,
    { tryNext: `gradus data check <problems> --model ${model} --out checked.jsonl` },
  );
}

/**
 * Estimates whether a prompt may fill the window: a byte becomes at most two tokens, and a template adds
 * fewer than 1,024.
 */
function mayFill(problem: Problem, tokens: number): boolean {
  return promptsOf(problem).some((prompt) => {
    const bytes = prompt.reduce((sum, { content }) => sum + Buffer.byteLength(content), 0);
    return 2 * bytes + 1024 >= tokens;
  });
}

/**
 * Returns warnings if a recipe allows answers longer than the model's window; a run's results would not reveal this.
 */
export function beyondWindow(recipe: Recipe, { maxSequenceTokens = Infinity }: EngineInfo): string[] {
  const asked = [
    ...resolvedStages(recipe).map(({ config, sampling }) => ({
      where: `stage "${config.name}"`,
      maxTokens: sampling.maxTokens,
    })),
    ...(recipe.difficulty === undefined
      ? []
      : [{ where: 'difficulty', maxTokens: recipe.difficulty.maxTokens ?? 0 }]),
    ...recipe.evaluation.map(({ name, maxTokens }) => ({ where: `suite "${name}"`, maxTokens })),
  ];
  return asked
    .filter(({ maxTokens }) => maxTokens > maxSequenceTokens)
    .map(
      ({ where, maxTokens }) =>
        `${where}: maxTokens is ${maxTokens}, but prompt and answer together are limited to the model's ${maxSequenceTokens} tokens`,
    );
}

type Check = (problem: Problem) => Finding | undefined;

/**
 * Creates checks for data cleaning with the tokenizer of a model: `overlong` finds problems whose prompt,
 * rendered with the model's template, exceeds `most` tokens; `unreadable` finds prompts with unknown tokens.
 *
 * @param model a model folder or a `hf://` address.
 * @param most default: one less than the model's window.
 */
export async function openPromptChecks(
  model: string,
  most?: number,
): Promise<{ readonly overlong: Check; readonly unreadable: Check }> {
  const { config, tokenizer } = await openModelFolder((await modelFolder(model, {})).folder);
  const limit = most ?? config.maxPositions - 1;
  if (limit >= config.maxPositions)
    throw new ConfigError(
      `--max-prompt-tokens ${limit}: expected less than the model's ${config.maxPositions}`,
    );
  const overlong: Check = ({ id, prompt }) => {
    const tokens = tokenizer.encodePrompt(prompt).length;
    if (tokens <= limit) return undefined;
    const explanation = `its prompt has ${tokens} tokens, more than ${limit}`;
    return { id, reason: 'overlong prompt', explanation, evidence: { tokens, limit } };
  };
  const { unknownToken, encodePrompt } = tokenizer;
  const unreadable: Check = ({ id, prompt }) => {
    if (unknownToken === undefined) return undefined;
    const { unknown, total } = countUnknown([encodePrompt(prompt)], unknownToken.id);
    if (unknown === 0) return undefined;
    const explanation = `${percent(unknown / total)} of its prompt tokens are ${unknownToken.text}`;
    return { id, reason: 'prompt with unknown tokens', explanation, evidence: { unknown, total } };
  };
  return { overlong, unreadable };
}
