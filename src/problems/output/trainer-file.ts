import { extname } from 'node:path';
import { ConfigError } from '../../core/errors.ts';
import type { Problem } from '../../core/problem.ts';
import { csvHeader, csvLine } from './csv-line.ts';
import type { DifficultyOf } from './difficulty.ts';
import { problemLineWithDifficulty } from './problem-line.ts';
import { writeLines } from './text-file.ts';
import { trlLine } from './trl-line.ts';
import { writeVerlParquet } from './verl-parquet.ts';

/** Files that trainers and people read: verl's Parquet, TRL's and our own JSON Lines, a table. */
export const trainerFormats = ['verl', 'trl', 'jsonl', 'csv'] as const;

/** Where problems go, in which form, and what stands beside them. */
export interface TrainerFile {
  readonly out: string;
  readonly format: (typeof trainerFormats)[number];
  /** verl's `extra_info.split`. */
  readonly split: string;
  /** verl's `data_source`; absent: each problem's own source. */
  readonly dataSource?: string;
  readonly difficultyOf: DifficultyOf;
}

const endings: Readonly<Record<TrainerFile['format'], readonly string[]>> = {
  verl: ['.parquet'],
  trl: ['.jsonl', '.json'],
  jsonl: ['.jsonl', '.json'],
  csv: ['.csv'],
};
const knownEndings = new Set(Object.values(endings).flat());

/** Readers go by a file's name: one that says another format would be read wrongly. */
function requireEnding(out: string, format: TrainerFile['format']): void {
  const ending = extname(out).toLowerCase();
  if (!knownEndings.has(ending) || endings[format].includes(ending)) return;
  throw new ConfigError(
    `--out: expected a name that ends in ${endings[format][0]} for ${format}, got ${JSON.stringify(out)}`,
  );
}

/**
 * Writes problems as a trainer wants them, all or, when they end in an error, none. Returns how many there are.
 * @throws ConfigError when the file's name says another format.
 */
export async function writeForTrainer(
  problems: AsyncIterable<Problem> | Iterable<Problem>,
  { out, format, difficultyOf, ...verl }: TrainerFile,
): Promise<number> {
  requireEnding(out, format);
  const linesOf = async function* (lineOf: typeof trlLine): AsyncGenerator<string> {
    for await (const problem of problems) yield lineOf(problem, difficultyOf(problem));
  };
  switch (format) {
    case 'verl':
      return writeVerlParquet(out, problems, { ...verl, difficultyOf });
    case 'trl':
      return writeLines(out, linesOf(trlLine));
    case 'jsonl':
      return writeLines(out, linesOf(problemLineWithDifficulty));
    case 'csv':
      return (await writeLines(out, withHeader(linesOf(csvLine)))) - 1;
  }
}

/** In words what was written, and what its reader has to be told yet. */
export function describeTrainerFile(
  problems: number,
  { out, format, dataSource }: Pick<TrainerFile, 'out' | 'format' | 'dataSource'>,
): string {
  const written = `${problems} problems in ${out}`;
  if (format !== 'verl' || dataSource !== undefined) return written;
  return (
    `${written}\nverl scores by data_source, which is each problem's own source here; of a name it does not know it raises ` +
    'NotImplementedError. Set custom_reward_function there, or give --data-source: lighteval/MATH for boxed answers, codecontests for programs'
  );
}

async function* withHeader(lines: AsyncIterable<string>): AsyncGenerator<string> {
  yield csvHeader;
  yield* lines;
}
