import * as z from 'zod';
import { ConfigError } from '../core/errors.ts';

/** The fields of a JSON Schema that this file reads. */
interface JsonSchema {
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly additionalProperties?: JsonSchema | boolean;
  readonly items?: JsonSchema;
  readonly anyOf?: readonly JsonSchema[];
  readonly oneOf?: readonly JsonSchema[];
  readonly allOf?: readonly JsonSchema[];
}

/**
 * Parses `value` with `schema`.
 *
 * @throws ConfigError that lists every error with its path, the expected value and, for an unknown key, the nearest
 * known key.
 */
export function parseConfig<S extends z.ZodType>(schema: S, value: unknown, what: string): z.output<S> {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.flatMap((issue) => explainIssue(issue, schema, value));
  throw new ConfigError(`${what} is not valid:\n${problems.map((line) => `  ✖ ${line}`).join('\n')}`, {
    cause: parsed.error,
  });
}

function explainIssue(issue: z.core.$ZodIssue, schema: z.ZodType, value: unknown): string[] {
  const place = formatPath(issue.path);
  if (issue.code === 'unrecognized_keys') {
    const known = knownKeys(
      z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }) as JsonSchema,
      issue.path,
    );
    return issue.keys.map((key) => {
      const nearest = nearestKey(key, known);
      const hint = nearest === undefined ? `known keys: ${known.join(', ')}` : `did you mean "${nearest}"?`;
      return `${formatPath([...issue.path, key])}: unknown key; ${hint}`;
    });
  }
  if (issue.code === 'invalid_union') {
    const nested = closestBranch(issue.errors);
    if (nested !== undefined) {
      return nested.flatMap((inner) =>
        explainIssue({ ...inner, path: [...issue.path, ...inner.path] }, schema, value),
      );
    }
  }
  const allowed = allowedValues(issue);
  if (allowed !== undefined) return [`${place}: ${explainValue(valueAt(value, issue.path), allowed)}`];
  return [`${place}: ${lowerFirst(issue.message)}`];
}

/** Returns the strings of which a value must be one; undefined for other errors. */
function allowedValues(issue: z.core.$ZodIssue): readonly string[] | undefined {
  const values =
    issue.code === 'invalid_value'
      ? issue.values
      : issue.code === 'invalid_union' && issue.errors.length === 0
        ? (issue as { readonly options?: readonly unknown[] }).options
        : undefined;
  return values !== undefined && values.length > 0 && values.every((one) => typeof one === 'string')
    ? values
    : undefined;
}

function explainValue(given: unknown, allowed: readonly string[]): string {
  const expected = `expected ${allowed.map((one) => `"${one}"`).join(' or ')}`;
  if (given === undefined) return `${expected}, got none`;
  const nearest = typeof given === 'string' ? nearestKey(given, allowed) : undefined;
  const got = typeof given === 'string' ? `got ${JSON.stringify(given.slice(0, 60))}` : `got ${typeof given}`;
  return `${expected}, ${got}${nearest === undefined ? '' : `; did you mean "${nearest}"?`}`;
}

const valueAt = (value: unknown, path: readonly PropertyKey[]): unknown =>
  path.reduce<unknown>((here, step) => (Object(here) as Record<PropertyKey, unknown>)[step], value);

/** Picks the union branch with the fewest errors, which is most likely the intended one. */
function closestBranch(
  branches: readonly (readonly z.core.$ZodIssue[])[],
): readonly z.core.$ZodIssue[] | undefined {
  const filled = branches.filter((issues) => issues.length > 0);
  const sameType = filled.filter((issues) => !issues.some(isWrongType));
  return (sameType.length > 0 ? sameType : filled).toSorted(
    (a, b) => a.length - b.length || depth(b) - depth(a),
  )[0];
}

/**
 * Returns whether an issue means that the value's type excludes a branch, e.g. a string where an object is expected.
 */
const isWrongType = ({ code, path }: z.core.$ZodIssue): boolean =>
  code === 'invalid_type' && path.length === 0;

const depth = (issues: readonly z.core.$ZodIssue[]): number =>
  Math.max(...issues.map(({ path }) => path.length));

/** Returns every key allowed at a path, in all branches of unions. */
function knownKeys(root: JsonSchema, path: readonly PropertyKey[]): string[] {
  let here = flatten(root);
  for (const step of path) {
    here = here.flatMap((schema) => {
      const next =
        typeof step === 'number'
          ? schema.items
          : (schema.properties?.[String(step)] ?? schema.additionalProperties);
      return typeof next === 'object' ? flatten(next) : [];
    });
  }
  return [...new Set(here.flatMap((schema) => Object.keys(schema.properties ?? {})))];
}

function flatten(schema: JsonSchema): JsonSchema[] {
  const branches = [...(schema.anyOf ?? []), ...(schema.oneOf ?? []), ...(schema.allOf ?? [])];
  return [schema, ...branches.flatMap(flatten)];
}

/** Returns the nearest known key within max(2, ⌈length / 3⌉) edits; undefined if there is none. */
export function nearestKey(key: string, known: readonly string[]): string | undefined {
  const scored = known.map((candidate) => ({
    candidate,
    edits: editDistance(key.toLowerCase(), candidate.toLowerCase()),
  }));
  const best = scored.toSorted((a, b) => a.edits - b.edits)[0];
  return best !== undefined && best.edits <= Math.max(2, Math.ceil(key.length / 3))
    ? best.candidate
    : undefined;
}

/** Returns the Levenshtein distance. */
function editDistance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const current = [i];
    for (let j = 1; j <= b.length; j++) {
      const substitution = previous[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      current.push(Math.min(substitution, previous[j]! + 1, current[j - 1]! + 1));
    }
    previous = current;
  }
  return previous[b.length]!;
}

/** Formats `['stages', 0, 'maxSteps']` as `stages[0].maxSteps`. */
function formatPath(path: readonly PropertyKey[]): string {
  const text = path.map((step) => (typeof step === 'number' ? `[${step}]` : `.${String(step)}`)).join('');
  return text === '' ? '(top level)' : text.replace(/^\./, '');
}

const lowerFirst = (text: string): string => text.charAt(0).toLowerCase() + text.slice(1);
