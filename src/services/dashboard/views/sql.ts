import type { SQLInputValue } from 'node:sqlite';

/** A part of a WHERE clause and the values of its placeholders. */
export interface Condition {
  readonly sql: string;
  readonly values: readonly SQLInputValue[];
}

/** Joins conditions with AND; skips undefined ones. */
export function all(conditions: readonly (Condition | undefined)[]): Condition {
  const present = conditions.filter((one) => one !== undefined);
  return {
    sql: present.length === 0 ? '1' : present.map(({ sql }) => sql).join(' AND '),
    values: present.flatMap(({ values }) => values),
  };
}

/** Returns a condition on one value; undefined if the value is undefined. */
export function condition(sql: string, value: SQLInputValue | undefined): Condition | undefined {
  return value === undefined ? undefined : { sql, values: [value] };
}

/** Returns the condition `column IN (values)`; undefined if `values` is undefined. */
export function anyOf(column: string, values: readonly SQLInputValue[] | undefined): Condition | undefined {
  return values && { sql: `${column} IN (${values.map(() => '?').join(', ')})`, values };
}
