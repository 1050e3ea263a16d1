import { RunError } from '../core/errors.ts';
import { isFromHere } from '../runs/files/origin.ts';
import { openRunReader } from '../runs/reading/run-reader.ts';
import { type Execution, executionOf } from './foreign-programs.ts';
import type { Recipe } from './recipe.ts';

/** Whether programs named by a run made elsewhere may execute. */
export interface TrustOptions {
  /** True allows them. Default false. */
  readonly trust?: boolean | undefined;
}

/**
 * Refuses a run made elsewhere that names programs: engine commands, Python files, verifier modules.
 *
 * @param parts the parts to open.
 * @throws RunError `RUN_NOT_TRUSTED`, which lists what would be executed.
 */
export async function requireTrust(
  directory: string,
  recipe: Pick<Recipe, 'policy' | 'verifiers'>,
  parts: readonly (keyof Execution)[],
  { trust = false }: TrustOptions = {},
): Promise<void> {
  const execution = executionOf(recipe);
  const lines = parts.flatMap((part) => execution[part]);
  if (trust || lines.length === 0) return;
  using run = await openRunReader(directory);
  const { id, recipeHash } = run.summary();
  if (await isFromHere(directory, id, recipeHash)) return;
  throw new RunError(
    `${directory}: this run was made elsewhere or edited, and its recipe would use:\n` +
      lines.map((line) => `  ${line}\n`).join('') +
      'Nothing was executed. Read the recipe; if you trust it, add --trust',
    { code: 'RUN_NOT_TRUSTED', tryNext: `gradus runs show ${directory}` },
  );
}
