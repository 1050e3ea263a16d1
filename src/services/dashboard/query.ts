import * as z from 'zod';
import { ConfigError } from '../../core/errors.ts';

/**
 * What an address asks, by a view's schema: a key whose values are a list may stand several times, others once.
 *
 * @throws ConfigError naming what is wrong and what can be asked.
 */
export function parseQuery<S extends z.ZodObject>(schema: S, search: URLSearchParams): z.output<S> {
  const asked: Record<string, unknown> = {};
  for (const name of new Set(search.keys())) {
    const values = search.getAll(name);
    if (!isList(schema.shape[name]) && values.length > 1)
      throw new ConfigError(`${name}: expected one value, got ${values.length}`);
    asked[name] = isList(schema.shape[name]) ? values : values[0];
  }
  const parsed = schema.safeParse(asked);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const place = issue!.path.join('.');
  throw new ConfigError(
    `${place === '' ? '' : `${place}: `}${issue!.message}; expected some of ${Object.keys(schema.shape).join(', ')}`,
  );
}

function isList(field: unknown): boolean {
  if (field instanceof z.ZodOptional || field instanceof z.ZodDefault) return isList(field.unwrap());
  return field instanceof z.ZodArray;
}
