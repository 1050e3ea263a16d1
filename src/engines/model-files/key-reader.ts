import { DataError } from '../../core/errors.ts';
import { describe, isJsonObject, type JsonObject } from './json-file.ts';

/** Typed access to the keys of one object. Every error names the file and the key. `null` counts as absent. */
export interface KeyReader {
  has(key: string): boolean;
  /** Reads an integer ≥ 1. */
  count(key: string, fallback?: number): number;
  positive(key: string, fallback?: number): number;
  /** Reads a number above 0; undefined if absent. */
  optional(key: string): number | undefined;
  flag(key: string, fallback: boolean): boolean;
  oneOf<T extends string>(key: string, choices: readonly T[], fallback?: T): T;
  /** Reads a list of at least `length` numbers above 0, and returns the first `length`. */
  numbers(key: string, length: number): readonly number[];
  /** Reads a list of integers ≥ 0, of any length. */
  indices(key: string): readonly number[];
  /** Reads a list with at least `length` elements, all among the choices, and returns the first `length`. */
  choices<T extends string | number>(key: string, length: number, from: readonly T[]): readonly T[];
  /** Rejects values other than `value`; the key may be absent. */
  only(key: string, value: unknown): void;
  object(key: string): KeyReader | null;
  /** Throws a `DataError` that reports the expected and the actual value of the key. */
  refuse(key: string, expected: string): never;
}

const isPositive = (value: unknown): value is number =>
  typeof value === 'number' && value > 0 && value < Infinity;
const isCount = (value: unknown): value is number => isPositive(value) && Number.isInteger(value);
const isIndex = (value: unknown): value is number => Number.isInteger(value) && (value as number) >= 0;

/** Opens the keys of `json`; `prefix` is the path of the object within the file. */
export function keyReader(json: JsonObject, file: string, prefix = ''): KeyReader {
  const present = (key: string): boolean => json[key] !== undefined && json[key] !== null;
  const refuse = (key: string, expected: string): never => {
    throw new DataError(`${file}: expected "${prefix}${key}" to be ${expected}, got ${describe(json[key])}`);
  };
  const read = <T>(
    key: string,
    expected: string,
    isRight: (value: unknown) => value is T,
    fallback?: T,
  ): T => {
    const value: unknown = present(key) ? json[key] : fallback;
    return isRight(value) ? value : refuse(key, expected);
  };
  const list = <T>(
    key: string,
    expected: string,
    length: number,
    isRight: (one: unknown) => one is T,
  ): readonly T[] =>
    read(key, `a list of ${expected}`, (value): value is readonly T[] => {
      return Array.isArray(value) && value.length >= length && value.every(isRight);
    });
  const positive = (key: string, fallback?: number): number =>
    read(key, 'a number above 0', isPositive, fallback);
  return {
    has: present,
    count: (key, fallback) => read(key, 'a whole number of at least 1', isCount, fallback),
    positive,
    optional: (key) => (present(key) ? positive(key) : undefined),
    flag: (key, fallback) =>
      read(key, 'true or false', (value): value is boolean => typeof value === 'boolean', fallback),
    oneOf: <T extends string>(key: string, choices: readonly T[], fallback?: T): T => {
      const isChoice = (value: unknown): value is T => choices.some((choice) => choice === value);
      return read(key, choices.map((choice) => `"${choice}"`).join(' or '), isChoice, fallback);
    },
    numbers: (key, length) => list(key, `${length} numbers above 0`, length, isPositive).slice(0, length),
    indices: (key) => list(key, 'whole numbers', 0, isIndex),
    choices: <T extends string | number>(key: string, length: number, from: readonly T[]): readonly T[] => {
      const isChoice = (one: unknown): one is T => from.some((choice) => choice === one);
      return list(key, `${length} entries, each ${from.join(' or ')}`, length, isChoice).slice(0, length);
    },
    only: (key, value) => {
      if (present(key) && json[key] !== value)
        refuse(key, `${JSON.stringify(value)} (nothing else is supported)`);
    },
    object: (key) => {
      if (!present(key)) return null;
      const value = json[key];
      return isJsonObject(value) ? keyReader(value, file, `${prefix}${key}.`) : refuse(key, 'an object');
    },
    refuse,
  };
}
