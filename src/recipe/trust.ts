import { RunError } from '../core/errors.ts';
import { isFromHere } from '../runs/files/origin.ts';
import { type Execution, executionOf } from './foreign-programs.ts';
import type { RunRecipe } from './read-run-recipe.ts';

/** Whether programs named in a run that was made elsewhere may be executed. */
export interface TrustOptions {
  /** True allows them. Default false. */
  readonly trust?: boolean | undefined;
}

/**
 * Rejects a run that was made elsewhere and names programs: engine commands, Python files, verifier modules.
 *
 * @param stored the recipe as read from disk, so that the proof is checked against the content that is opened.
 * @param parts the parts to open.
 * @throws RunError `RUN_NOT_TRUSTED`, which lists the programs that would be executed.
 */
export async function requireTrust(
  directory: string,
  { recipe, id, hash }: RunRecipe,
  parts: readonly (keyof Execution)[],
  { trust = false }: TrustOptions = {},
): Promise<void> {
  const execution = executionOf(recipe);
  const lines = parts.flatMap((part) => execution[part]);
  if (trust || lines.length === 0) return;
  if (await isFromHere(directory, id, hash)) return;
  throw new RunError(
    `${directory}: this run was made elsewhere or edited, and its recipe would use:\n` +
      lines.map((line) => `  ${line}\n`).join('') +
      'Nothing was executed. Read the recipe; if you trust it, add --trust',
    { code: 'RUN_NOT_TRUSTED', tryNext: `gradus runs show ${directory}` },
  );
}
