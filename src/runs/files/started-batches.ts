import { createHash } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { RunError } from '../../core/errors.ts';
import { parseJson } from '../../core/lossless-json.ts';
import type { Rollout } from '../../core/rollout.ts';
import type { Verdict } from '../../core/verdict.ts';
import { exists } from '../../storage/atomic.ts';
import { stepName } from './layout.ts';
import type { RolloutRecord } from './records.ts';
import type { RolloutRow } from './rollout-row.ts';
import { readShard, writeShard } from './rollout-shard.ts';
import { transcriptsOfRow } from './transcript-columns.ts';

/*
 * Batches in a checkpoint that were rolled out for later steps:
 *
 *   started/batches.json           their steps, in order, each with the sha256 of its file
 *   started/step-000013.parquet    the attempts for step 13
 */

/** A batch stored in a checkpoint. */
export interface StoredBatch {
  /** The step that learns from it. */
  readonly step: number;
  readonly offPolicySteps: number;
  /** The attempts, in the order of their groups. */
  readonly rollouts: readonly Rollout[];
}

interface Manifest {
  readonly batches: readonly {
    readonly step: number;
    readonly offPolicySteps: number;
    readonly sha256: string;
  }[];
}

const manifestName = 'batches.json';
const fileOf = (folder: string, step: number): string =>
  join(folder, `${stepName(step, '', () => false)}.parquet`);

/** A batch to write into a checkpoint. */
export type StartedRecord = RolloutRecord & Pick<StoredBatch, 'offPolicySteps'>;

/** Writes batches into a new folder; creates no folder if there are no batches. */
export async function writeStartedBatches(folder: string, batches: readonly StartedRecord[]): Promise<void> {
  if (batches.length === 0) return;
  await mkdir(folder);
  const entries: Manifest['batches'][number][] = [];
  for (const batch of batches) {
    const { step, offPolicySteps } = batch;
    await writeShard(fileOf(folder, step), batch);
    entries.push({ step, offPolicySteps, sha256: await sha256(fileOf(folder, step)) });
  }
  await writeFile(join(folder, manifestName), JSON.stringify({ batches: entries } satisfies Manifest));
}

/**
 * Reads the batches of a checkpoint; returns an empty list if the folder is missing.
 *
 * @throws RunError (`STATE_INVALID`) if a file changed after saving.
 */
export async function readStartedBatches(folder: string): Promise<StoredBatch[]> {
  if (!(await exists(folder))) return [];
  const { batches } = parseManifest(await readFile(join(folder, manifestName), 'utf8'));
  const read: StoredBatch[] = [];
  for (const { step, offPolicySteps, sha256: expected } of batches) {
    const file = fileOf(folder, step);
    if ((await sha256(file)) !== expected) {
      throw new RunError(`${file}: checksum mismatch, the file changed after saving`, {
        code: 'STATE_INVALID',
      });
    }
    read.push({ step, offPolicySteps, rollouts: (await readShard(file)).map(rolloutOfRow) });
  }
  return read;
}

function parseManifest(text: string): Manifest {
  try {
    return JSON.parse(text) as Manifest;
  } catch (cause) {
    throw new RunError(`${manifestName}: expected JSON, got other text; the file changed after saving`, {
      code: 'STATE_INVALID',
      cause,
    });
  }
}

/** Rebuilds a judged attempt from its row. */
function rolloutOfRow(row: RolloutRow): Rollout {
  const { outcome, score, reason, verifier, evidence } = row;
  const verdict: Verdict = {
    outcome,
    score,
    reason,
    verifier,
    ...(evidence !== null && { evidence: parseJson(evidence) as NonNullable<Verdict['evidence']> }),
  };
  return { problemId: row.problem_id, index: row.rollout_index, transcripts: transcriptsOfRow(row), verdict };
}

const sha256 = async (file: string): Promise<string> =>
  createHash('sha256')
    .update(await readFile(file))
    .digest('hex');
