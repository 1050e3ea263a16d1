import { ConfigError } from '../core/errors.ts';

/**
 * Applies `--set` assignments to a copy of an unvalidated recipe: `seed=3`, `stages[0].maxSteps=10`,
 * `optimizer.learningRate=1e-4`. A value is JSON if it parses as JSON, else a string; `null` removes the field.
 *
 * @throws ConfigError if an assignment has no `=`, or if its path leads through a value that is neither object nor list.
 */
export function applyOverrides(input: unknown, assignments: readonly string[]): unknown {
  const copy: unknown = structuredClone(input);
  for (const assignment of assignments) assign(copy, assignment);
  return copy;
}

function assign(root: unknown, assignment: string): void {
  const split = assignment.indexOf('=');
  if (split < 1) {
    throw new ConfigError(`--set expects path=value, got "${assignment}"`, {
      tryNext: 'gradus train recipe.ts --set optimizer.learningRate=1e-4',
    });
  }
  const steps = parsePath(assignment.slice(0, split));
  if (steps.some((step) => step in Object.prototype)) {
    throw new ConfigError(
      `--set ${assignment}: expected the path of a recipe field, got a built-in property of objects`,
    );
  }
  const last = steps.at(-1)!;
  let here = root;
  for (const step of steps.slice(0, -1)) here = enter(here, step, assignment);
  const parent = container(here, assignment);
  const value = parseValue(assignment.slice(split + 1));
  if (value === null) delete parent[last];
  else parent[last] = value;
}

const parsePath = (path: string): string[] => path.replaceAll(/\[(\d+)\]/g, '.$1').split('.');

function enter(here: unknown, step: string, assignment: string): unknown {
  const parent = container(here, assignment);
  return (parent[step] ??= {});
}

function container(here: unknown, assignment: string): Record<string, unknown> {
  if (typeof here === 'object' && here !== null) return here as Record<string, unknown>;
  throw new ConfigError(
    `--set ${assignment}: expected a path through objects and lists, got ${JSON.stringify(here)} on it`,
  );
}

function parseValue(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
