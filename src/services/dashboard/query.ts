import * as z from 'zod';
import { ConfigError } from '../../core/errors.ts';

/**
 * Parses a query string with a view's schema. A key whose schema is an array may be repeated.
 *
 * @throws ConfigError naming the invalid key and the known keys.
 */
export function parseQuery<S extends z.ZodObject>(schema: S, search: URLSearchParams): z.output<S> {
  const query: Record<string, unknown> = {};
  for (const name of new Set(search.keys())) {
    const values = search.getAll(name);
    if (!isList(schema.shape[name]) && values.length > 1)
      throw new ConfigError(`query parameter ${name}: expected one value, got ${values.length}`);
    query[name] = isList(schema.shape[name]) ? values : values[0];
  }
  const parsed = schema.safeParse(query);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const place = ['query parameter', ...issue!.path.slice(0, 1)].join(' ');
  const known = Object.keys(schema.shape).join(', ');
  throw new ConfigError(`${place}: ${issue!.message}; known parameters: ${known}`);
}

function isList(field: unknown): boolean {
  if (field instanceof z.ZodOptional || field instanceof z.ZodDefault) return isList(field.unwrap());
  return field instanceof z.ZodArray;
}
