import { stringifyJson } from '../../core/lossless-json.ts';
import { DataError } from '../../core/errors.ts';
import { code } from './code.ts';
import { competition, deepscaler, gsm8k, math, polaris, questionAnswer, trl } from './math-sets.ts';
import { type Columns, type Shape } from './shape.ts';
import { adarft, dapo, skyworkOr1, verl } from './verl.ts';

/** Gradus's own rows, as `gradus data` writes them. */
const own: Shape = {
  name: 'gradus',
  reads: 'prompt, answer or tests, and whatever else a problem has',
  matches: (row) => row['prompt'] !== undefined && (row['answer'] !== undefined || hasOwnTests(row['tests'])),
  columns: {},
};

const hasOwnTests = (tests: unknown): boolean =>
  typeof tests === 'object' && tests !== null && 'type' in tests;

/** All shapes, the more particular first: a file gets the first that its first row matches. */
const shapes: readonly Shape[] = [
  skyworkOr1,
  adarft,
  dapo,
  own,
  code,
  verl,
  trl,
  gsm8k,
  math,
  competition,
  polaris,
  deepscaler,
  questionAnswer,
];

/** Names for settings and flags. */
export const shapeNames = shapes.map(({ name }) => name) as [string, ...string[]];

/** One line for each shape, for messages and help. */
const described = shapes.map(({ name, reads }) => `  ${name}: ${reads}`).join('\n');

/** The shape of a name, which must be one of `shapeNames`. */
export function shapeNamed(name: string): Shape {
  const shape = shapes.find((one) => one.name === name);
  if (shape !== undefined) return shape;
  throw new DataError(`expected the name of a shape, got "${name}"; known are\n${described}`);
}

/** The shape of a file by its first row. Throws a `DataError` listing all shapes when there is none. */
export function shapeOf(row: unknown, where: string): Shape {
  const isObject = typeof row === 'object' && row !== null && !Array.isArray(row);
  const shape = isObject ? shapes.find(({ matches }) => matches(row as Columns)) : undefined;
  if (shape !== undefined) return shape;
  const columns = isObject
    ? `columns ${Object.keys(row).join(', ') || 'none'}`
    : stringifyJson(row)?.slice(0, 60);
  throw new DataError(
    `${where}: expected columns of a known shape, got ${columns}${isObject ? oddity(row as Columns) : ''}; name the columns of prompt and answer, or bring the rows into one of\n${described}`,
    { tryNext: 'gradus data import --help' },
  );
}

/** What a lone column tells of a file that was meant otherwise. */
function oddity(row: Columns): string {
  const [name, ...others] = Object.keys(row);
  if (name === undefined || others.length > 0) return '';
  if (Array.isArray(row[name])) return ` (a list of rows inside an object: jq '.${name}' takes it out)`;
  const separator = /[;|\t]/.exec(name)?.[0];
  return separator === undefined
    ? ''
    : ` (fields are separated by ${JSON.stringify(separator)}; a .csv has commas, a .tsv tabs)`;
}
