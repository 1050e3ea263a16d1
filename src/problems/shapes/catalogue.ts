import { DataError } from '../../core/errors.ts';
import { stringifyJson } from '../../core/lossless-json.ts';
import { code } from './code.ts';
import { competition, deepscaler, gsm8k, math, polaris, questionAnswer, trl } from './math-sets.ts';
import { multipleChoice } from './multiple-choice.ts';
import { nemoGym } from './nemo-gym.ts';
import { flashRag, searchR1 } from './open-questions.ts';
import {
  bigMath,
  deepMath,
  namedGold,
  olympiadBench,
  omniMath,
  openMathReasoning,
  openReasonerZero,
  storyQuestion,
} from './reasoning-sets.ts';
import { isAnswer, type Columns, type Shape } from './shape.ts';
import { verificationInfo } from './verification-info.ts';
import { adarft, dapo, skyworkOr1, verl } from './verl.ts';

/** Gradus's own rows, as `gradus data` writes them. */
const own: Shape = {
  name: 'gradus',
  reads: 'prompt, answer or tests, and all other parts of a problem',
  matches: (row) => row['prompt'] != null && (row['answer'] != null || hasOwnTests(row['tests'])),
  columns: {},
};

const hasOwnTests = (tests: unknown): boolean =>
  typeof tests === 'object' && tests !== null && !Array.isArray(tests) && 'type' in tests;

/** Detects rows written by `gradus data`; their other columns were checked at import. */
export const isWrittenByUs = (row: Columns): boolean =>
  ['id', 'domain', 'source'].every((name) => typeof row[name] === 'string') &&
  row['prompt'] != null &&
  (hasOwnTests(row['tests']) || (typeof row['answer'] === 'string' && isAnswer(row['answer'])));

/** All shapes, the most specific first; the first one that matches a row is used. */
const shapes: readonly Shape[] = [
  openReasonerZero,
  nemoGym,
  verificationInfo,
  multipleChoice,
  code,
  searchR1,
  skyworkOr1,
  adarft,
  dapo,
  verl,
  own,
  trl,
  flashRag,
  storyQuestion,
  gsm8k,
  math,
  competition,
  polaris,
  bigMath,
  openMathReasoning,
  omniMath,
  olympiadBench,
  deepMath,
  deepscaler,
  questionAnswer,
  namedGold,
];

/** Names of the shapes, for settings and flags. */
export const shapeNames = shapes.map(({ name }) => name) as [string, ...string[]];

/** One line for each shape, for messages and help. */
const described = shapes.map(({ name, reads }) => `  ${name}: ${reads}`).join('\n');

/** Returns the shape with a name from `shapeNames`. */
export function shapeNamed(name: string): Shape {
  const shape = shapes.find((one) => one.name === name);
  if (shape !== undefined) return shape;
  throw new DataError(`expected the name of a shape, got "${name}"; known shapes:\n${described}`);
}

/** Detects the shape of a row by its columns; `undefined` if none matches. */
export function shapeOf(row: Columns): Shape | undefined {
  return isWrittenByUs(row) ? own : shapes.find(({ matches }) => matches(row));
}

/** Builds the error for a row of unknown shape, with its columns and all shapes. */
export function unknownShape(row: unknown, where: string): DataError {
  const isObject = typeof row === 'object' && row !== null && !Array.isArray(row);
  const columns = isObject
    ? `columns ${Object.keys(row).join(', ') || 'none'}`
    : stringifyJson(row)?.slice(0, 60);
  return new DataError(
    `${where}: expected columns of a known shape, got ${columns}${isObject ? oddity(row as Columns) : ''}; name the columns with --column prompt=… --column answer=…, or convert the rows to one of\n${described}`,
    { tryNext: 'gradus data import --help' },
  );
}

/** Returns a hint about the likely mistake in a file with a single column; empty if there is none. */
function oddity(row: Columns): string {
  const [name, ...others] = Object.keys(row);
  if (name === undefined || others.length > 0) return '';
  if (Array.isArray(row[name])) return ` (a list of rows inside an object: jq '.${name}' extracts it)`;
  const separator = /[;|\t]/.exec(name)?.[0];
  return separator === undefined
    ? ''
    : ` (fields separated by ${JSON.stringify(separator)}; expected commas in .csv, tabs in .tsv)`;
}
