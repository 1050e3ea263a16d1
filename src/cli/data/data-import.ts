import { type Command, Option } from 'commander';
import { readFileProblems, type ReadFileOptions } from '../../problems/read-file-source.ts';
import type { LocateOptions } from '../../problems/locate-files.ts';
import { placeImages } from '../../problems/images/place-images.ts';
import { problemLine } from '../../problems/output/problem-line.ts';
import { writeLines } from '../../problems/output/text-file.ts';
import { ProblemIds } from '../../problems/problem-ids.ts';
import { shapeNames } from '../../problems/shapes/catalogue.ts';
import { addPair, addPairs, onErrorOption, problemFile, skipCounter } from './data-flags.ts';
import { countOf } from '../../core/text/count.ts';
import { outputOf, shellWord } from '../output.ts';
import { addForceOption, type ForceFlag, requireFreeOutput, requireLinesEnding } from './out-file.ts';

interface ImportOptions extends ForceFlag {
  readonly out: string;
  readonly shape?: string;
  readonly column: Readonly<Record<string, string>>;
  readonly passRate: readonly Readonly<Record<string, string>>[];
  readonly domain?: string;
  readonly instruction?: string;
  readonly system?: string;
  readonly onError: 'stop' | 'skip';
}

/** `gradus data import`: converts files in any format to one file of problems. */
export function addImportCommand(data: Command): void {
  addForceOption(data.command('import'))
    .description('convert files of any format and shape to JSON Lines of problems')
    .argument(
      '<files...>',
      '.jsonl, .json, .csv, .tsv (each also .gz), .parquet, or hf://datasets/<owner>/<name>/<split>',
    )
    .requiredOption('--out <file>', '.jsonl file to write')
    .addOption(
      new Option('--shape <name>', 'shape of the rows (default: detected for each row)').choices(shapeNames),
    )
    .option(
      '--column <ours=theirs>',
      'column of a part of the problem, e.g. prompt=question; repeatable',
      addPair,
      {},
    )
    .option(
      '--pass-rate <settings>',
      'a difficulty column: column=…,model=…,trials=…,counts=successes or failures,unit=…; repeatable',
      addPairs,
      [],
    )
    .option('--domain <name>', 'domain for rows without one')
    .option('--instruction <text>', 'line to add to each question')
    .option('--system <text>', 'system message of each prompt; replaces one in the data')
    .addOption(onErrorOption())
    .action(async (files: string[], options: ImportOptions, command: Command) => {
      requireLinesEnding('--out', options.out);
      requireFreeOutput('--out', options.out, files, options);
      const skips = skipCounter();
      const output = outputOf(command);
      let missing = 0;
      const onMissing = ({ message }: Error): void => {
        if (++missing <= 5)
          output.warn(
            `${message}; the problem keeps the image's mark, and gradus data check will remove the problem`,
          );
      };
      const watch = { onSkip: skips.onSkip, onMissing, onDownload: output.progress };
      const problems = await writeLines(options.out, importLines(files, options, watch));
      output.result(
        { problems, ...skips.result(), out: options.out },
        [`${countOf(problems, 'problem')} in ${options.out}`, ...skips.lines()].join('\n'),
      );
    });
}

async function* importLines(
  files: readonly string[],
  options: ImportOptions,
  watch: Pick<ReadFileOptions & LocateOptions, 'onSkip' | 'onMissing' | 'onDownload'>,
): AsyncGenerator<string> {
  const { shape, column, domain, instruction, system, onError } = options;
  const passRates = options.passRate.map(({ trials, ...label }) => ({ ...label, trials: Number(trials) }));
  // Ids must be unique in the output, not only in each input file.
  const ids = new ProblemIds();
  const skipWith = `gradus data import ${[...files, '--on-error', 'skip', '--out', options.out].map(shellWord).join(' ')}`;
  for (const path of files) {
    const flags = { shape, columns: column, passRates, domain, instruction, system, onError };
    const config = problemFile(path, flags);
    const problems = readFileProblems(config, '.', { ids, skipWith, ...watch });
    for await (const problem of problems) yield problemLine(placeImages(problem, options.out));
  }
}
