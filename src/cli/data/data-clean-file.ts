import type { Command } from 'commander';
import type { Problem } from '../../core/problem.ts';
import { FindingLog, formatReport } from '../../problems/hygiene/report.ts';
import { placeImages } from '../../problems/images/place-images.ts';
import { problemLine } from '../../problems/output/problem-line.ts';
import { openLines, writeLines } from '../../problems/output/text-file.ts';
import { outputOf } from '../output.ts';
import { type ForceFlag, requireFreeOutput, requireLinesEnding } from './out-file.ts';

/**
 * Runs a cleaning step: writes the kept problems to `--out` and the findings to `--findings`, and prints the report.
 *
 * @param inputs files that must not be overwritten.
 * @param clean yields the kept problems and logs the others.
 * @param more returns additional report fields with their text; called at the end.
 */
export async function cleanFile(
  command: Command,
  inputs: readonly string[],
  { out, findings, ...flag }: ForceFlag & { readonly out?: string; readonly findings?: string },
  clean: (log: FindingLog) => AsyncIterable<Problem>,
  more: () => { readonly fields: object; readonly text: string } = () => ({ fields: {}, text: '' }),
): Promise<void> {
  for (const [option, file] of [
    ['--out', out],
    ['--findings', findings],
  ] as const) {
    requireLinesEnding(option, file);
    requireFreeOutput(option, file, inputs, flag);
  }
  const sink = findings === undefined ? undefined : openLines(findings);
  const log = new FindingLog((finding) => sink?.write(JSON.stringify(finding)));
  const kept = clean(log);
  try {
    if (out === undefined) for await (const _ of kept);
    else await writeLines(out, linesOf(kept, out));
    await sink?.close();
  } catch (error) {
    sink?.discard();
    throw error;
  }
  const report = log.report();
  const { fields, text } = more();
  outputOf(command).result({ ...report, ...fields }, `${formatReport(report)}${text}`);
}

async function* linesOf(problems: AsyncIterable<Problem>, out: string): AsyncGenerator<string> {
  for await (const problem of problems) yield problemLine(placeImages(problem, out));
}
