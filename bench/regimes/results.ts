import { appendFileSync, existsSync, mkdirSync, readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import * as z from 'zod';
import { DataError } from '../../src/core/errors.ts';
import { writeFileAtomicSync } from '../../src/storage/atomic.ts';

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
  /**
   * The groups of each cell, family/knob, in each sixth of the steps: their number, how many have a signal, and the sum
   * of 4p(1 − p).
   */
  cells: z.record(z.string(), z.array(z.tuple([z.int(), z.int(), z.number()])).length(6)).optional(),
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

/** Returns the key of a run: row, arm, seed and recipe. */
export const keyOf = ({ row, arm, seed, config }: Pick<Result, 'row' | 'arm' | 'seed' | 'config'>): string =>
  `${row} ${arm} ${seed} ${config}`;

/**
 * Appends a result as one line, or replaces the result of the same run. Synchronous, so that concurrent runs of a process
 * do not lose lines.
 *
 * @throws DataError when a repeated run has different accuracies from the recorded one, which is then kept.
 */
export function recordResult(file: string, one: Result): void {
  const recorded = readResults(file);
  const at = recorded.findIndex((other) => keyOf(other) === keyOf(one));
  if (at === -1) {
    mkdirSync(dirname(file), { recursive: true });
    appendFileSync(file, `${JSON.stringify(one)}\n`);
    return;
  }
  const [old, repeated] = [recorded[at]!, one].map(curveOf);
  if (old !== repeated) {
    throw new DataError(
      `${keyOf(one)}: expected the accuracies of the recorded run, ${old}, got ${repeated}`,
    );
  }
  const lines = recorded.with(at, one).map((each) => `${JSON.stringify(each)}\n`);
  writeFileAtomicSync(file, Buffer.from(lines.join('')));
}

const curveOf = ({ points }: Result): string =>
  JSON.stringify(points.map(({ rollouts, accuracy }) => [rollouts, accuracy]));
