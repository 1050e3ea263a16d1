import type { Command } from 'commander';
import { rewordFile, type RewordReport } from '../../authoring/reword-file.ts';
import { describeSpending } from '../../core/spending.ts';
import { countOf } from '../../core/text/count.ts';
import { withInterrupt } from '../interrupt.ts';
import { wholeNumber } from '../options.ts';
import { outputOf } from '../output.ts';
import {
  addAuthorOptions,
  addAuthorSampling,
  type AuthorFlags,
  authorOptions,
  rejectionLines,
} from './author-flags.ts';

interface RewordFlags extends AuthorFlags {
  readonly wordings: number;
  readonly attempts: number;
  readonly solve: number;
}

/** `gradus data reword`: adds wordings that a model writes, if they pass checks. */
export function addRewordCommand(data: Command): void {
  const command = addAuthorOptions(data.command('reword'))
    .description('add other wordings of each problem, written by a model and checked')
    .option('--wordings <n>', 'wordings to add to each problem', wholeNumber(1), 3)
    .option(
      '--attempts <n>',
      'wordings to request per problem; the first that pass are kept',
      wholeNumber(1),
      6,
    )
    .option(
      '--solve <n>',
      'maximum attempts at solving a wording, one of which must be right; 0: no check',
      wholeNumber(),
      2,
    );
  addAuthorSampling(command).action(async (path: string, flags: RewordFlags) => {
    const output = outputOf(command);
    const { options, settings } = await authorOptions(path, flags);
    const onProgress = (done: number, total: number): void => output.progress('rewording', done, total);
    const report = await withInterrupt((signal) => rewordFile({ ...options, onProgress, signal }, settings));
    output.result(report, format(report));
  });
}

function format({ problems, reworded, wordings, rejected, spending, out }: RewordReport): string {
  return [
    `${countOf(wordings, 'wording')} for ${reworded} of ${countOf(problems, 'problem')} in ${out}`,
    ...rejectionLines(rejected),
    ...(spending === undefined ? [] : [`spent in total: ${describeSpending(spending)}`]),
  ].join('\n');
}
