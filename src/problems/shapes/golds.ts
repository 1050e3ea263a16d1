import { parseJson } from '../../core/lossless-json.ts';
import { DataError } from '../../core/errors.ts';

/** What follows the last `####`, GSM8K's mark of the answer. */
export function afterHashes(text: string): string | undefined {
  const mark = text.lastIndexOf('####');
  return mark < 0 ? undefined : text.slice(mark + 4).trim() || undefined;
}

/** The content of the last `\boxed{…}` of a worked solution, braces counted. */
export function lastBoxed(text: string): string | undefined {
  const box = [...text.matchAll(/\\f?boxed\s*\{/g)].at(-1);
  if (box === undefined) return undefined;
  const start = box.index + box[0].length;
  let depth = 1;
  for (let end = start; end < text.length; end++) {
    if (text[end] === '\\') end++;
    else if (text[end] === '{') depth++;
    else if (text[end] === '}' && --depth === 0) return text.slice(start, end).trim() || undefined;
  }
  return undefined;
}

/** A gold that may be written as the JSON list of one text. Throws a `DataError` for a list of several. */
export function onlyGold(value: unknown, column: string): unknown {
  const list = typeof value === 'string' && /^\s*\[\s*"/.test(value) ? parsed(value) : value;
  if (!Array.isArray(list)) return value;
  if (list.length === 1) return list[0] as unknown;
  throw new DataError(`column "${column}": expected one gold answer, got ${list.length}; leave the row out`);
}

function parsed(text: string): unknown {
  try {
    return parseJson(text);
  } catch {
    return text;
  }
}
