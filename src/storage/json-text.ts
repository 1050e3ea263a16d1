import { RunError } from '../core/errors.ts';

/**
 * Returns JSON text that parses back to an equal value; omits keys whose value is `undefined`.
 *
 * @param what name of the value in the error message, such as `the controller state`.
 * @throws RunError naming the key of a value that JSON would silently change, such as `NaN`, a typed array or a `Map`.
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
