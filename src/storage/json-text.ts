import { RunError } from '../core/errors.ts';

/**
 * JSON that reads back as what was given. What JSON would change silently (`NaN` into `null`, a typed array into an
 * object, a `Map` into nothing) is refused by a `RunError` that names its key; keys with `undefined` are left out.
 *
 * @param what names the value in the message: `the controller state`.
 */
export function jsonText(value: unknown, what: string): string {
  return JSON.stringify(value, (key, part: unknown) => {
    const problem = unsafe(part);
    if (problem === undefined) return part;
    throw new RunError(`${what}: expected plain JSON, got ${problem} at ${JSON.stringify(key)}`, {
      code: 'RUN_NOT_JSON',
    });
  });
}

function unsafe(value: unknown): string | undefined {
  if (typeof value === 'number' && !Number.isFinite(value)) return String(value);
  if (typeof value === 'bigint' || typeof value === 'function' || typeof value === 'symbol')
    return `a ${typeof value}`;
  if (ArrayBuffer.isView(value) || value instanceof Map || value instanceof Set)
    return `a ${value.constructor.name}`;
  return undefined;
}
