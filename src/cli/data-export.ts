import { type Command, Option } from 'commander';
import type { Problem } from '../core/problem.ts';
import { readFileProblems } from '../problems/read-file.ts';
import { statedDifficulty } from '../problems/output/difficulty.ts';
import { problemLineWithDifficulty } from '../problems/output/problem-line.ts';
import { writeLines } from '../problems/output/text-file.ts';
import { trlLine } from '../problems/output/trl-line.ts';
import { writeVerlParquet } from '../problems/output/verl-parquet.ts';
import { readTests } from '../verifiers/code/formats/read-problem.ts';
import { problemFile } from './data-files.ts';
import { outputOf } from './output.ts';

interface ExportOptions {
  readonly out: string;
  readonly format: 'verl' | 'trl' | 'jsonl';
  readonly model?: string;
  readonly dataSource?: string;
  readonly split: string;
}

/** `gradus data export`: problems as a trainer wants them. */
export function addExportCommand(data: Command): void {
  data
    .command('export')
    .description('write problems for a trainer, with pass rate, interval and trials beside each')
    .argument('<file>', 'problems, as gradus data import writes them')
    .requiredOption('--out <file>', 'the file to write')
    .addOption(
      new Option('--format <name>', 'verl: Parquet; trl and jsonl: JSON Lines')
        .choices(['verl', 'trl', 'jsonl'])
        .makeOptionMandatory(),
    )
    .option('--model <name>', 'whose stated pass rates; the first of each problem')
    .option('--data-source <name>', "verl's data_source; each problem's own source")
    .option('--split <name>', "verl's extra_info.split", 'train')
    .action(async (path: string, options: ExportOptions, command: Command) => {
      const problems = readFileProblems(problemFile(path), '.', { readTests });
      const count = await exportTo(problems, options);
      outputOf(command).result({ problems: count, out: options.out }, `${count} problems in ${options.out}`);
    });
}

async function exportTo(problems: AsyncIterable<Problem>, options: ExportOptions): Promise<number> {
  const { out, format, model, split, dataSource } = options;
  const difficultyOf = statedDifficulty(model);
  if (format === 'verl')
    return writeVerlParquet(out, problems, {
      split,
      difficultyOf,
      ...(dataSource === undefined ? {} : { dataSource }),
    });
  const lineOf = format === 'trl' ? trlLine : problemLineWithDifficulty;
  return writeLines(
    out,
    (async function* () {
      for await (const problem of problems) yield lineOf(problem, difficultyOf(problem));
    })(),
  );
}
