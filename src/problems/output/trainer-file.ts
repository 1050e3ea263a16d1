import { extname } from 'node:path';
import { countOf } from '../../core/text/count.ts';
import { ConfigError } from '../../core/errors.ts';
import type { Problem } from '../../core/problem.ts';
import { placeImages } from '../images/place-images.ts';
import { csvHeader, csvLine } from './csv-line.ts';
import type { DifficultyOf } from './difficulty.ts';
import { writeEasyR1Parquet } from './easyr1-parquet.ts';
import { llamaFactoryLine } from './llama-factory-line.ts';
import { problemLineWithDifficulty } from './problem-line.ts';
import { writeLines } from './text-file.ts';
import { trlLine } from './trl-line.ts';
import { writeVerlParquet } from './verl-parquet.ts';

/** Output formats: Parquet for verl and EasyR1; JSON Lines for TRL, LLaMA-Factory and Gradus; CSV. */
export const trainerFormats = ['verl', 'easyr1', 'trl', 'llama-factory', 'jsonl', 'csv'] as const;

/** Destination, format and difficulty of exported problems. */
export interface TrainerFile {
  readonly out: string;
  readonly format: (typeof trainerFormats)[number];
  /** Value of verl's `extra_info.split`. */
  readonly split: string;
  /** verl's `data_source`; default: each problem's source. */
  readonly dataSource?: string;
  readonly difficultyOf: DifficultyOf;
}

const endings: Readonly<Record<TrainerFile['format'], readonly string[]>> = {
  verl: ['.parquet'],
  easyr1: ['.parquet'],
  trl: ['.jsonl', '.json'],
  'llama-factory': ['.jsonl', '.json'],
  jsonl: ['.jsonl', '.json'],
  csv: ['.csv'],
};
const knownEndings = new Set(Object.values(endings).flat());

/** Rejects a file extension that does not match the format, since readers select the format by extension. */
function requireEnding(out: string, format: TrainerFile['format']): void {
  const ending = extname(out).toLowerCase();
  if (!knownEndings.has(ending) || endings[format].includes(ending)) return;
  throw new ConfigError(
    `--out: expected a name that ends in ${endings[format][0]} for ${format}, got ${JSON.stringify(out)}`,
  );
}

/**
 * Writes problems in a trainer's format, atomically. Returns the number of problems.
 *
 * @throws ConfigError if the file's extension belongs to a different format.
 */
export async function writeForTrainer(
  problems: AsyncIterable<Problem> | Iterable<Problem>,
  { out, format, difficultyOf, ...verl }: TrainerFile,
): Promise<number> {
  requireEnding(out, format);
  const linesOf = async function* (lineOf: typeof trlLine): AsyncGenerator<string> {
    for await (const problem of problems) yield lineOf(placeImages(problem, out), difficultyOf(problem));
  };
  switch (format) {
    case 'verl':
      return writeVerlParquet(out, problems, { ...verl, difficultyOf });
    case 'easyr1':
      return writeEasyR1Parquet(out, problems, difficultyOf);
    case 'llama-factory':
      return writeLines(out, linesOf(llamaFactoryLine));
    case 'trl':
      return writeLines(out, linesOf(trlLine));
    case 'jsonl':
      return writeLines(out, linesOf(problemLineWithDifficulty));
    case 'csv':
      return (await writeLines(out, withHeader(linesOf(csvLine)))) - 1;
  }
}

/** Describes the written file and, if verl cannot select a reward function for it, the setting that it needs. */
export function describeTrainerFile(
  problems: number,
  { out, format, dataSource }: Pick<TrainerFile, 'out' | 'format' | 'dataSource'>,
): string {
  const written = `${countOf(problems, 'problem')} in ${out}`;
  if (format !== 'verl' || dataSource !== undefined) return written;
  return (
    `${written}\nverl selects its reward function by data_source, here each problem's source; for an unknown name it raises ` +
    'NotImplementedError. Set custom_reward_function in verl, or pass --data-source: lighteval/MATH for boxed answers, codecontests for programs'
  );
}

async function* withHeader(lines: AsyncIterable<string>): AsyncGenerator<string> {
  yield csvHeader;
  yield* lines;
}
