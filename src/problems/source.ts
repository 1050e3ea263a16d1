import * as z from 'zod';
import type { Problem } from '../core/problem.ts';
import { fileConfig, readFileProblems } from './file.ts';
import { generateProblems, generatedConfig } from './generated.ts';
import { jsonlConfig, readJsonl } from './jsonl.ts';

/** Where problems come from: what a recipe's `problems` and a suite's `problems` accept. */
export const problemSourceConfig = z.discriminatedUnion('type', [jsonlConfig, fileConfig, generatedConfig]);

/**
 * All problems of a source, in a fixed order with distinct ids. Relative paths start at `baseDir`. Throws a `DataError`
 * naming file and row, or family and knob, when the source cannot give what was asked for.
 */
export async function loadProblems(
  config: z.infer<typeof problemSourceConfig>,
  baseDir: string,
): Promise<Problem[]> {
  switch (config.type) {
    case 'jsonl':
      return collect(readJsonl(config, baseDir));
    case 'file':
      return collect(readFileProblems(config, baseDir));
    case 'generated':
      return [...generateProblems(config)];
  }
}

async function collect(problems: AsyncIterable<Problem>): Promise<Problem[]> {
  const all: Problem[] = [];
  for await (const problem of problems) all.push(problem);
  return all;
}
