import { imagesOf } from '../../core/image.ts';
import { stringifyJson } from '../../core/lossless-json.ts';
import { DataError } from '../../core/errors.ts';
import type { Problem } from '../../core/problem.ts';
import { testsAsPairs } from '../../core/tests-as-pairs.ts';
import type { DifficultyOf } from './difficulty.ts';
import { allOf, imageColumnOf, imagesColumn } from './images-column.ts';
import {
  imageGroupSize,
  list,
  number,
  struct,
  text,
  writeParquet,
  type ParquetColumn,
} from './parquet-file.ts';
import { difficultyColumns } from './problem-line.ts';

/** Options of the verl export. */
export interface VerlOptions {
  /** The name by which verl selects its reward function; default: each problem's source. */
  readonly dataSource?: string;
  /** Written to `extra_info.split`. */
  readonly split: string;
  readonly difficultyOf: DifficultyOf;
}

/**
 * Writes problems as verl's Parquet: `data_source`, `prompt` (list of {content, role}), `ability`, `reward_model`
 * {ground_truth, style}, `extra_info` {index, split, id, difficulty}. Golds of code problems are the JSON text
 * `{"inputs", "outputs", "fn_name"?}` that verl's prime_code scorer reads. Returns the number of problems.
 *
 * @throws DataError if verl cannot represent a problem's tests.
 */
export async function writeVerlParquet(
  path: string,
  problems: AsyncIterable<Problem> | Iterable<Problem>,
  options: VerlOptions,
): Promise<number> {
  // Add an images column only if some problem has images: verl reads rows without it without a processor.
  const all = await allOf(problems);
  return all.some(({ prompt }) => imagesOf(prompt).length > 0)
    ? writeParquet(path, [...columns, imagesColumn], verlRows(all, options), imageGroupSize)
    : writeParquet(path, columns, verlRows(all, options));
}

type VerlRow = Awaited<ReturnType<typeof verlRow>>;

async function* verlRows(
  problems: AsyncIterable<Problem> | Iterable<Problem>,
  options: VerlOptions,
): AsyncGenerator<VerlRow> {
  let index = 0;
  for await (const problem of problems) yield verlRow(problem, index++, options);
}

function verlRow(problem: Problem, index: number, { dataSource, split, difficultyOf }: VerlOptions) {
  const known = difficultyOf(problem);
  const difficulty = known === undefined ? undefined : difficultyColumns(known);
  return {
    data_source: dataSource ?? problem.source,
    prompt: problem.prompt.map(({ role, content }) => ({ content, role })),
    ability: problem.domain,
    images: imageColumnOf(problem),
    reward_model: { ground_truth: groundTruth(problem), style: 'rule' },
    extra_info: {
      index: BigInt(index),
      split,
      id: problem.id,
      ...difficulty,
      ...(known === undefined ? {} : { trials: BigInt(known.trials) }),
    },
  };
}

const columns: readonly ParquetColumn<VerlRow>[] = [
  { name: 'data_source', elements: text('data_source'), valueOf: (row) => row.data_source },
  {
    name: 'prompt',
    elements: list('prompt', struct('element', text('content'), text('role'))),
    valueOf: (row) => row.prompt,
  },
  { name: 'ability', elements: text('ability'), valueOf: (row) => row.ability },
  {
    name: 'reward_model',
    elements: struct('reward_model', text('ground_truth'), text('style')),
    valueOf: (row) => row.reward_model,
  },
  {
    name: 'extra_info',
    elements: struct(
      'extra_info',
      number('index', 'INT64'),
      text('split'),
      text('id'),
      list('levels', text('element')),
      number('pass_rate', 'DOUBLE'),
      number('pass_rate_low', 'DOUBLE'),
      number('pass_rate_high', 'DOUBLE'),
      number('trials', 'INT64'),
      text('pass_rate_model'),
    ),
    valueOf: (row) => row.extra_info,
  },
];

function groundTruth({ id, answer, tests }: Problem): string {
  if (answer !== undefined) return answer;
  const truth = tests === undefined ? undefined : testsAsPairs(tests);
  if (truth !== undefined) return stringifyJson(truth);
  throw new DataError(
    `problem ${id}: expected a gold answer or Python tests of inputs and outputs, the only forms that verl scores, ` +
      `got ${tests === undefined ? 'neither' : `${tests.type} tests in ${tests.language}`}; export it as trl or jsonl`,
  );
}
