import { type Command, Option } from 'commander';
import { type Given, givens, teacherTemplates } from '../../authoring/rationale-text.ts';
import { rationalesFile, type RationalesReport } from '../../authoring/rationales-file.ts';
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

interface RationalesFlags extends AuthorFlags {
  readonly rationales: number;
  readonly attempts: number;
  readonly solve: number;
  readonly given: Given;
  readonly template?: string;
}

/** `gradus data rationales`: asks a teacher for worked answers, and writes those that the verifier accepts. */
export function addRationalesCommand(data: Command): void {
  const command = addAuthorOptions(data.command('rationales'))
    .description('have a teacher model write worked answers as examples; keep those judged correct')
    .option('--rationales <n>', 'maximum number of worked answers to keep per problem', wholeNumber(1), 3)
    .option(
      '--attempts <n>',
      'worked answers to request per problem; the first that pass are kept',
      wholeNumber(1),
      5,
    )
    .addOption(
      new Option('--given <what>', 'what the teacher is given besides the question')
        .choices(givens)
        .default('answer'),
    )
    .option(
      '--solve <n>',
      'maximum attempts with the rationale in the prompt, one of which must be right; 0: no check',
      wholeNumber(),
      0,
    )
    .option('--template <text>', "the teacher's prompt, with {question} and {answer}");
  addAuthorSampling(command).action(async (path: string, flags: RationalesFlags) => {
    const output = outputOf(command);
    const { options, settings } = await authorOptions(path, flags);
    const template = settings.template ?? teacherTemplates[settings.given];
    const onProgress = (done: number, total: number): void =>
      output.progress('asking the teacher', done, total);
    const report = await withInterrupt((signal) =>
      rationalesFile({ ...options, onProgress, signal }, { ...settings, template }),
    );
    if (report.ungradable !== undefined)
      output.warn(
        `the verifier could not judge ${countOf(report.rejected.ungradable, 'answer')} from ${report.teacher}: ${report.ungradable}`,
      );
    output.result(report, format(report));
  });
}

function format({
  problems,
  explained,
  rationales,
  rejected,
  spending,
  teacher,
  out,
}: RationalesReport): string {
  return [
    `${countOf(rationales, 'rationale')} by ${teacher} for ${explained} of ${countOf(problems, 'problem')} in ${out}`,
    ...rejectionLines(rejected),
    ...(spending === undefined ? [] : [`spent in total: ${describeSpending(spending)}`]),
  ].join('\n');
}
