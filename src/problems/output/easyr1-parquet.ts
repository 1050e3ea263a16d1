import { imagesOf } from '../../core/image.ts';
import { DataError } from '../../core/errors.ts';
import type { Problem } from '../../core/problem.ts';
import type { DifficultyOf } from './difficulty.ts';
import { allOf, imageColumnOf, imagesColumn } from './images-column.ts';
import { imageGroupSize, number, type ParquetColumn, text, writeParquet } from './parquet-file.ts';

/**
 * Writes problems as Parquet for EasyR1: `problem` (text with `<image>` placeholders), `answer`, `images`, and pass
 * rate and trials, with the column names of EasyR1's data set geometry3k. The column `images` is absent if no problem
 * has images.
 *
 * @throws DataError if a problem has tests or several messages in its prompt, which EasyR1 cannot represent.
 */
export async function writeEasyR1Parquet(
  path: string,
  problems: AsyncIterable<Problem> | Iterable<Problem>,
  difficultyOf: DifficultyOf,
): Promise<number> {
  const all = await allOf(problems);
  const hasImages = all.some(({ prompt }) => imagesOf(prompt).length > 0);
  const written = hasImages ? [...columns, imagesColumn] : columns;
  return writeParquet(path, written, rowsOf(all, difficultyOf), imageGroupSize);
}

async function* rowsOf(problems: readonly Problem[], difficultyOf: DifficultyOf): AsyncGenerator<EasyR1Row> {
  for (const problem of problems) {
    const known = difficultyOf(problem);
    yield {
      id: problem.id,
      problem: questionOf(problem),
      answer: answerOf(problem),
      pass_rate: known === undefined ? null : known.successes / known.trials,
      trials: known === undefined ? null : BigInt(known.trials),
      images: imageColumnOf(problem),
    };
  }
}

interface EasyR1Row {
  readonly id: string;
  readonly problem: string;
  readonly answer: string;
  readonly pass_rate: number | null;
  readonly trials: bigint | null;
  readonly images: ReturnType<typeof imageColumnOf>;
}

const columns: readonly ParquetColumn<EasyR1Row>[] = [
  { name: 'id', elements: text('id'), valueOf: (row) => row.id },
  { name: 'problem', elements: text('problem'), valueOf: (row) => row.problem },
  { name: 'answer', elements: text('answer'), valueOf: (row) => row.answer },
  { name: 'pass_rate', elements: number('pass_rate', 'DOUBLE'), valueOf: (row) => row.pass_rate },
  { name: 'trials', elements: number('trials', 'INT64'), valueOf: (row) => row.trials },
];

function questionOf({ id, prompt }: Problem): string {
  const [message, ...others] = prompt;
  if (message?.role === 'user' && others.length === 0) return message.content;
  throw new DataError(
    `problem ${id}: expected a prompt of one user message, the only form that EasyR1 reads, got ${prompt.map(({ role }) => role).join(', ')}; export it as verl`,
  );
}

function answerOf({ id, answer }: Problem): string {
  if (answer !== undefined) return answer;
  throw new DataError(`problem ${id}: expected a gold answer, got none; export it as trl or jsonl`);
}
