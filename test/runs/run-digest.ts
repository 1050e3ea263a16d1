import { createHash, type Hash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { exists, fileSizes } from '../../src/storage/atomic.ts';
import { runLayout } from '../../src/runs/files/layout.ts';
import { openRunReader, type RunReader } from '../../src/runs/reading/run-reader.ts';

/**
 * SHA-256 of each part of a run that recipe and seed determine. Two runs of the same recipe have equal digests on any
 * machine, even if they were killed and resumed. Excludes timings, times and process facts.
 */
export interface RunDigest {
  /** Digest of all other parts. */
  readonly total: string;
  /** The exported model, file by file. */
  readonly model: string;
  /** The newest checkpoint: weights, optimizer and controller state. */
  readonly checkpoint: string;
  readonly metrics: string;
  readonly events: string;
  readonly evaluations: string;
  /** Every column of every rollout and group. */
  readonly rollouts: string;
}

/** Computes the digest of the run in `directory`. */
export async function runDigest(directory: string): Promise<RunDigest> {
  using run = await openRunReader(directory);
  const newest = run.checkpoints().at(-1);
  const parts = {
    model: await digestFolder(runLayout(directory).export),
    checkpoint: newest === undefined ? digestLines([]) : await digestFolder(dirname(newest.engineState)),
    metrics: digestLines(metricLines(run)),
    events: digestLines([
      ...run.events(),
      ...run.lists('SELECT * FROM selections ORDER BY event_id, problem_id'),
    ]),
    evaluations: digestLines(run.evaluations()),
    rollouts: await digestRollouts(run),
  };
  return { total: digestLines([parts, run.summary().recipeHash, run.stages()]), ...parts };
}

function* metricLines(run: RunReader): Iterable<unknown> {
  for (const { name, isTiming } of run.metricNames()) {
    if (isTiming) continue;
    const { steps, values } = run.metric(name);
    yield [name, Array.from(steps), Array.from(values)];
  }
}

async function digestRollouts(run: RunReader): Promise<string> {
  const hash = createHash('sha256');
  // Read one group at a time, so that a long run need not fit in memory.
  for (const group of run.groups()) {
    addLine(hash, group);
    for (const row of await run.rollouts([group])) addLine(hash, row);
  }
  return hash.digest('hex');
}

async function digestFolder(folder: string): Promise<string> {
  const hash = createHash('sha256');
  const files = (await exists(folder)) ? Object.entries(await fileSizes(folder)) : [];
  for (const [path, bytes] of files) {
    addLine(hash, [path, bytes]);
    await pipeline(createReadStream(join(folder, path)), hash, { end: false });
  }
  return hash.digest('hex');
}

function digestLines(lines: Iterable<unknown>): string {
  const hash = createHash('sha256');
  for (const line of lines) addLine(hash, line);
  return hash.digest('hex');
}

function addLine(hash: Hash, value: unknown): void {
  hash.update(`${JSON.stringify(value)}\n`);
}
