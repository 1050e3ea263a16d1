import { type Command, Option } from 'commander';
import { DataError } from '../core/errors.ts';
import { readFileProblems } from '../problems/file.ts';
import { problemLine } from '../problems/output/problem-line.ts';
import { writeLines } from '../problems/output/text-file.ts';
import { shapeNames } from '../problems/shapes/catalogue.ts';
import { addPair, addPairs, onErrorOption, problemFile, skipCounter } from './data-files.ts';
import { readTests } from './gold-judge.ts';
import { outputOf } from './output.ts';

interface ImportOptions {
  readonly out: string;
  readonly shape?: string;
  readonly column: Readonly<Record<string, string>>;
  readonly passRate: readonly Readonly<Record<string, string>>[];
  readonly domain?: string;
  readonly instruction?: string;
  readonly onError: 'stop' | 'skip';
}

/** `gradus data import`: files of any format and shape become one file of problems. */
export function addImportCommand(data: Command): void {
  data
    .command('import')
    .description('bring files of any format and shape into JSON Lines of problems')
    .argument('<files...>', '.jsonl, .json, .csv, .tsv (each also .gz) or .parquet')
    .requiredOption('--out <file>', 'the .jsonl to write')
    .addOption(new Option('--shape <name>', 'how the rows look; told by the first row').choices(shapeNames))
    .option('--column <ours=theirs>', 'a column by another name, e.g. prompt=question', addPair, {})
    .option(
      '--pass-rate <column=…,model=…,trials=…,counts=…,unit=…>',
      'what a difficulty column says; counts: successes or failures, unit: count, percent, rate or k/n',
      addPairs,
      [],
    )
    .option('--domain <name>', 'of rows that name none')
    .option('--instruction <text>', 'a line added to each question')
    .addOption(onErrorOption())
    .action(async (files: string[], options: ImportOptions, command: Command) => {
      const skips = skipCounter();
      const problems = await writeLines(options.out, importLines(files, options, skips.onSkip));
      outputOf(command).result(
        { problems, ...skips.result(), out: options.out },
        [`${problems} problems in ${options.out}`, ...skips.lines()].join('\n'),
      );
    });
}

async function* importLines(
  files: readonly string[],
  options: ImportOptions,
  onSkip: (error: Error) => void,
): AsyncGenerator<string> {
  const { shape, column, domain, instruction, onError } = options;
  const passRates = options.passRate.map(({ trials, ...label }) => ({ ...label, trials: Number(trials) }));
  const fileOf = new Map<string, string>();
  for (const path of files) {
    const config = problemFile(path, { shape, columns: column, passRates, domain, instruction, onError });
    for await (const problem of readFileProblems(config, '.', { readTests, onSkip })) {
      if (files.length > 1) checkNew(problem.id, path, fileOf);
      yield problemLine(problem);
    }
  }
}

/** Ids that are distinct within each file may still meet in the one that is written. */
function checkNew(id: string, path: string, fileOf: Map<string, string>): void {
  const earlier = fileOf.get(id);
  if (earlier !== undefined)
    throw new DataError(
      `${path}: expected new ids, got ${JSON.stringify(id)}, which ${earlier} has too; number the rows instead`,
      { tryNext: 'gradus data import … --column id=none' },
    );
  fileOf.set(id, path);
}
