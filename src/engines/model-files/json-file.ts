import { readFile } from 'node:fs/promises';
import { DataError } from '../../core/errors.ts';

/** An unvalidated JSON object. */
export type JsonObject = Readonly<Record<string, unknown>>;

/** Reads a JSON object. Throws a `DataError` naming the file if it is missing, not JSON, or not an object. */
export async function readJsonObject(path: string): Promise<JsonObject> {
  const json = await readOptionalJsonObject(path);
  if (json === null) throw new DataError(`${path}: expected a JSON file, but the file does not exist`);
  return json;
}

/** Reads a JSON object like `readJsonObject`; returns `null` if the file is missing. */
export async function readOptionalJsonObject(path: string): Promise<JsonObject | null> {
  const text = await readOptionalText(path);
  if (text === null) return null;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new DataError(`${path}: expected JSON, got text that does not parse (${String(cause)})`, { cause });
  }
  if (isJsonObject(value)) return value;
  throw new DataError(`${path}: expected a JSON object, got ${describe(value)}`);
}

/** Reads a text file; returns `null` if it is missing. */
export async function readOptionalText(path: string): Promise<string | null> {
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw new DataError(`${path}: expected a readable file (${String(cause)})`, { cause });
  }
}

export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Formats a value for an error message: short, on one line. */
export function describe(value: unknown): string {
  if (value === undefined) return 'nothing';
  const text = JSON.stringify(value);
  return text.length > 60 ? `${text.slice(0, 57)}…` : text;
}
