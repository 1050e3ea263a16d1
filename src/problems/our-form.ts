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
export function inOurForm(row: Columns, { columns, domain }: Mapping): Columns {
  const stated = row[columns.domain];
  const isTopic = stated != null && (typeof stated !== 'string' || stated.includes('->'));
  const isMath = (isTopic ? domain : (stated ?? domain)) === 'math';
  const gold = row[columns.answer];
  return {
    ...row,
    ...(isTopic
      ? { [columns.domain]: undefined, [columns.family]: row[columns.family] ?? topicOf(stated) }
      : {}),
    [columns.prompt]: promptOf(row[columns.prompt]),
    ...(isMath && gold != null && row[columns.tests] == null
      ? { [columns.answer]: onlyGold(gold, columns.answer) }
      : {}),
    ...(columns.solution in row ? { [columns.solution]: textIn(row[columns.solution]) } : {}),
  };
}

/** A text, or the first of a list of texts; nothing for a blank one or another value. */
function textIn(value: unknown): string | undefined {
  const text: unknown = Array.isArray(value) ? value[0] : value;
  return typeof text === 'string' && text.trim() !== '' ? text : undefined;
}
