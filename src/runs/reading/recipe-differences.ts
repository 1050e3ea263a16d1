/** A field in which two recipes differ; `before` or `after` is absent if that recipe lacks the field. */
export interface RecipeDifference {
  /** Path of the field in the notation of `--set`: `stages[0].maxSteps`. */
  readonly path: string;
  readonly before?: unknown;
  readonly after?: unknown;
}

/**
 * Finds the fields in which two resolved recipes differ, in recipe order and at the deepest level. Ignores the folder
 * of the recipe.
 */
export function recipeDifferences(before: unknown, after: unknown): RecipeDifference[] {
  return compare(before, after, '').filter(({ path }) => path !== 'baseDir');
}

function compare(before: unknown, after: unknown, path: string): RecipeDifference[] {
  if (Array.isArray(before) && Array.isArray(after)) {
    return Array.from({ length: Math.max(before.length, after.length) }, (_, i) =>
      compare(before[i], after[i], `${path}[${i}]`),
    ).flat();
  }
  if (isObject(before) && isObject(after)) {
    const keys = new Set([...Object.keys(before), ...Object.keys(after)]);
    return [...keys].flatMap((key) => compare(before[key], after[key], path === '' ? key : `${path}.${key}`));
  }
  if (JSON.stringify(before) === JSON.stringify(after)) return [];
  return [{ path, ...(before === undefined ? {} : { before }), ...(after === undefined ? {} : { after }) }];
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
