import type { ColumnNames } from './columns.ts';
import { onlyGold } from './shapes/golds.ts';
import { promptOf } from './shapes/messages.ts';
import { topicOf } from './shapes/reasoning-sets.ts';
import type { Columns } from './shapes/shape.ts';

/** The columns of a row and its default domain. */
interface Mapping {
  readonly columns: ColumnNames;
  /** Domain of rows that do not name one. */
  readonly domain: string;
}

/**
 * Normalises a row of a published data set: chat messages of any kind become `{role, content}`, golds and solutions are
 * unwrapped from lists or JSON, and topics in the column `domain` become the family.
 *
 * @throws DataError beginning with the column's name, for a math problem whose gold is a list of golds or an object.
 */
export function inOurForm(row: Columns, mapping: Mapping): Columns {
  const { columns, domain } = mapping;
  const stated = row[columns.domain];
  const topics = isTopic(stated) ? stated : undefined;
  const known = typeof stated === 'string' && topics === undefined ? domainNamed(stated) : undefined;
  const gold = row[columns.answer];
  const isMath = (known ?? domain) === 'math' && row[columns.tests] == null;
  return {
    ...row,
    [columns.domain]: known,
    ...(topics === undefined ? {} : { topics, [columns.family]: row[columns.family] ?? topicOf(topics) }),
    [columns.prompt]: promptOf(row[columns.prompt]),
    ...(isEmptyList(row[columns.passRates]) ? { [columns.passRates]: undefined } : {}),
    ...(isMath && gold != null ? { [columns.answer]: onlyGold(gold, columns.answer) } : {}),
    ...(columns.solution in row ? { [columns.solution]: textIn(row[columns.solution]) } : {}),
  };
}

/**
 * Returns whether a value of the column `domain` is a topic, such as algebra; the column should name the kind of answer
 * check.
 */
const isTopic = (value: unknown): boolean =>
  value != null && (typeof value !== 'string' || value.includes('->') || /^\s*[[{]/.test(value));

const isEmptyList = (value: unknown): boolean => Array.isArray(value) && value.length === 0;

/** Maps other spellings of a domain to the name under which verifiers are configured. */
function domainNamed(name: string): string {
  const small = name.trim().toLowerCase();
  if (/^math(?:s|ematics)?$/.test(small)) return 'math';
  return /^cod(?:e|ing)$|^programming$/.test(small) ? 'code' : name;
}

/** Returns a string, or the first of a list of strings; `undefined` for blank strings and other values. */
function textIn(value: unknown): string | undefined {
  const text: unknown = Array.isArray(value) ? value[0] : value;
  return typeof text === 'string' && text.trim() !== '' ? text : undefined;
}
