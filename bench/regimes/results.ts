import { existsSync, readFileSync } from 'node:fs';
import { appendFile, mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import * as z from 'zod';
import { DataError } from '../../src/core/errors.ts';

const result = z.strictObject({
  row: z.string(),
  arm: z.string(),
  seed: z.int(),
  /** See `configOf`. */
  config: z.string(),
  /** Mean over the steps of the share of groups with a signal. */
  live: z.number(),
  /** The share of groups with a signal at every step. */
  liveByStep: z.array(z.number()).optional(),
  /** At every step, the mean of √(4p(1 − p)) over groups with a signal, where p is the pass rate of the group; 0 if
   * no group has one. */
  contrastByStep: z.array(z.number()).optional(),
  /** Noise and signal of the gradient at the steps that measure them, (W9) of docs/algorithms/staging-worth.md. */
  gradient: z.array(z.strictObject({ noise: z.number(), signal: z.number() })).optional(),
  steps: z.int(),
  seconds: z.number(),
  points: z.array(
    z.strictObject({
      rollouts: z.number(),
      tokens: z.number(),
      accuracy: z.number(),
      /** Accuracy in each domain of a mixed row. */
      byDomain: z.record(z.string(), z.number()).optional(),
    }),
  ),
});

/** One finished run. */
export type Result = z.infer<typeof result>;

/**
 * Reads the results in a JSON Lines file; returns none if the file is missing. @throws DataError naming a line that is
 * not a result.
 */
export function readResults(file: string): Result[] {
  if (!existsSync(file)) return [];
  const lines = readFileSync(file, 'utf8').split('\n');
  return lines.flatMap((line, i) => (line === '' ? [] : [parseLine(line, `${file}:${i + 1}`)]));
}

function parseLine(line: string, where: string): Result {
  try {
    return result.parse(JSON.parse(line));
  } catch (cause) {
    throw new DataError(`${where}: expected a result of bench:regimes, got ${line.slice(0, 60)}`, { cause });
  }
}

/** Appends a result as one line. */
export async function appendResult(file: string, one: Result): Promise<void> {
  await mkdir(dirname(file), { recursive: true });
  await appendFile(file, `${JSON.stringify(one)}\n`);
}
