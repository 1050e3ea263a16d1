import type { SQLInputValue } from 'node:sqlite';

/** A part of a WHERE clause and the values of its question marks. */
export interface Condition {
  readonly sql: string;
  readonly values: readonly SQLInputValue[];
}

/** All of several conditions; those that are undefined do not restrict. */
export function all(conditions: readonly (Condition | undefined)[]): Condition {
  const asked = conditions.filter((one) => one !== undefined);
  return {
    sql: asked.length === 0 ? '1' : asked.map(({ sql }) => sql).join(' AND '),
    values: asked.flatMap(({ values }) => values),
  };
}

/** A condition on one value; undefined for an undefined value. */
export function condition(sql: string, value: SQLInputValue | undefined): Condition | undefined {
  return value === undefined ? undefined : { sql, values: [value] };
}

/** That a column has one of some values; undefined for no list. */
export function anyOf(column: string, values: readonly SQLInputValue[] | undefined): Condition | undefined {
  return values && { sql: `${column} IN (${values.map(() => '?').join(', ')})`, values };
}
