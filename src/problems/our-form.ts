import type { ColumnNames } from './columns.ts';
import { onlyGold } from './shapes/golds.ts';
import { promptOf } from './shapes/messages.ts';
import { topicOf } from './shapes/reasoning-sets.ts';
import type { Columns } from './shapes/shape.ts';

/** Where the parts of a problem are in a row. */
interface Mapping {
  readonly columns: ColumnNames;
  /** Of rows without one. */
  readonly domain: string;
}

/**
 * A row of other people's, its prompt, gold, solution and domain in the form of a problem: chat messages of any kind, golds and
 * solutions in lists or in JSON, topics in the column `domain`.
 *
 * @throws DataError beginning with the column's name, for a math problem whose gold is several golds or no answer.
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
    ...(isMath && gold != null ? { [columns.answer]: onlyGold(gold, columns.answer) } : {}),
    ...(columns.solution in row ? { [columns.solution]: textIn(row[columns.solution]) } : {}),
  };
}

/** Whether a column `domain` names topics of a subject, not what checks the answer. */
const isTopic = (value: unknown): boolean =>
  value != null && (typeof value !== 'string' || value.includes('->') || /^\s*[[{]/.test(value));

/** The names that other data sets have for the domains of our verifiers. */
function domainNamed(name: string): string {
  const small = name.trim().toLowerCase();
  if (/^math(?:s|ematics)?$/.test(small)) return 'math';
  return /^cod(?:e|ing)$|^programming$/.test(small) ? 'code' : name;
}

/** A text, or the first of a list of texts; nothing for a blank one or another value. */
function textIn(value: unknown): string | undefined {
  const text: unknown = Array.isArray(value) ? value[0] : value;
  return typeof text === 'string' && text.trim() !== '' ? text : undefined;
}
