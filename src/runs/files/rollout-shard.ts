import { asyncBufferFromFile, parquetMetadataAsync, parquetReadObjects, type SchemaElement } from 'hyparquet';
import { parquetWriteBuffer } from 'hyparquet-writer';
import { type ImagePart, imagesOf } from '../../core/image.ts';
import { stringifyJson } from '../../core/lossless-json.ts';
import type { Message } from '../../core/problem.ts';
import { answerOf, finishReasonOf, policyVersionOf, type Rollout } from '../../core/rollout.ts';
import { writeFileAtomic } from '../../storage/atomic.ts';
import type { RecordedGroup, RolloutRecord } from './records.ts';
import type { RolloutRow } from './rollout-row.ts';
import { legacyColumns, type LegacyRow, transcriptColumns, upgradeRow } from './transcript-columns.ts';

type Field = keyof RolloutRow;

const required = { repetition_type: 'REQUIRED' } as const;
const scalar =
  (type: 'INT32' | 'FLOAT' | 'DOUBLE', repetition: 'REQUIRED' | 'OPTIONAL') =>
  (name: string): SchemaElement[] => [{ name, type, repetition_type: repetition }];
const string =
  (repetition: 'REQUIRED' | 'OPTIONAL') =>
  (name: string): SchemaElement[] => [
    {
      name,
      type: 'BYTE_ARRAY',
      converted_type: 'UTF8',
      logical_type: { type: 'STRING' },
      repetition_type: repetition,
    },
  ];
const list =
  (element: SchemaElement[], repetition: 'REQUIRED' | 'OPTIONAL' = 'REQUIRED') =>
  (name: string): SchemaElement[] => [
    {
      name,
      repetition_type: repetition,
      converted_type: 'LIST',
      logical_type: { type: 'LIST' },
      num_children: 1,
    },
    { name: 'list', repetition_type: 'REPEATED', num_children: 1 },
    ...element,
  ];

const message = [
  { name: 'element', ...required, num_children: 2 },
  ...string('REQUIRED')('role'),
  ...string('REQUIRED')('content'),
];

/** Columns in file order. */
const columns: Readonly<Record<keyof Required<RolloutRow>, (name: string) => SchemaElement[]>> = {
  step: scalar('INT32', 'REQUIRED'),
  stage: string('REQUIRED'),
  purpose: string('REQUIRED'),
  problem_id: string('REQUIRED'),
  domain: string('REQUIRED'),
  family: string('OPTIONAL'),
  knob: scalar('DOUBLE', 'OPTIONAL'),
  level: string('OPTIONAL'),
  rollout_index: scalar('INT32', 'REQUIRED'),
  policy_version: scalar('INT32', 'OPTIONAL'),
  off_policy_steps: scalar('INT32', 'OPTIONAL'),
  prompt: list(message),
  prompt_images: string('OPTIONAL'),
  text: string('REQUIRED'),
  finish_reason: string('REQUIRED'),
  answer: string('OPTIONAL'),
  outcome: string('REQUIRED'),
  score: scalar('DOUBLE', 'REQUIRED'),
  reward: scalar('DOUBLE', 'OPTIONAL'),
  advantage: scalar('DOUBLE', 'OPTIONAL'),
  reason: string('REQUIRED'),
  verifier: string('REQUIRED'),
  evidence: string('OPTIONAL'),
  token_ids: list([...scalar('INT32', 'REQUIRED')('element')]),
  token_logprobs: list([...scalar('FLOAT', 'REQUIRED')('element')]),
  token_entropies: list([...scalar('FLOAT', 'REQUIRED')('element')], 'OPTIONAL'),
  transcripts: string('REQUIRED'),
  messages: string('OPTIONAL'),
};
const fields = Object.keys(columns) as Field[];
const schema: SchemaElement[] = [
  { name: 'rollouts', num_children: fields.length },
  ...fields.flatMap((field) => columns[field](field)),
];

/** Number of rows per row group; small, because viewers read only a few groups at a time. */
const rowGroupSize = 256;

/** Writes one shard, with groups in the given order and rollouts in each group's order. Returns its size in bytes. */
export async function writeShard(path: string, record: RolloutRecord): Promise<number> {
  const rows = record.groups.flatMap((group) => groupRows(record, group));
  const content = parquetWriteBuffer({
    schema,
    columnData: fields.map((field) => ({ name: field, data: rows.map((row) => row[field]) })),
    rowGroupSize,
    createdBy: 'gradus',
  });
  await writeFileAtomic(path, new Uint8Array(content));
  return content.byteLength;
}

/** Rows and columns to read; default: all. */
export interface ShardSlice<F extends Field = Field> {
  readonly firstRow?: number;
  /** End of the range of rows, exclusive. */
  readonly endRow?: number;
  /**
   * Columns to read. Reading a few is much faster than reading all, because tokens and logprobs make up most of a file.
   */
  readonly columns?: readonly F[];
}

/**
 * Reads rows of a shard in file order. Also reads older shards (until November 2026), which store prompt and
 * completion separately.
 */
export async function readShard<F extends Field = Field>(
  path: string,
  slice: ShardSlice<F> = {},
): Promise<Pick<RolloutRow, F>[]> {
  const file = await asyncBufferFromFile(path);
  const metadata = await parquetMetadataAsync(file);
  const there = new Set(metadata.schema.map(({ name }) => name));
  const isLegacy = there.has('prompt_tokens');
  const wanted = slice.columns ?? fields;
  const withImages: readonly Field[] = wanted.includes('prompt' as F) ? [...wanted, 'prompt_images'] : wanted;
  const stored = isLegacy ? legacyColumns(wanted) : [...new Set(withImages)];
  const rows = await parquetReadObjects({
    file,
    metadata,
    ...(slice.firstRow === undefined ? {} : { rowStart: slice.firstRow }),
    ...(slice.endRow === undefined ? {} : { rowEnd: slice.endRow }),
    columns: stored.filter((name) => there.has(name)),
  });
  return (
    isLegacy ? rows.map((row) => upgradeRow(row as unknown as LegacyRow, wanted)) : rows.map(withPromptImages)
  ) as Pick<RolloutRow, F>[];
}

/** Returns the images of each message as JSON; null if there are no images. */
const imagesColumn = (prompt: readonly Message[]): string | null =>
  imagesOf(prompt).length === 0 ? null : JSON.stringify(prompt.map(({ images = [] }) => images));

/** Puts the images of the column `prompt_images` into the messages of the prompt. */
function withPromptImages(row: Record<string, unknown>): Record<string, unknown> {
  const { prompt_images: stored, ...rest } = row;
  const prompt = rest['prompt'] as Message[] | undefined;
  if (typeof stored !== 'string' || prompt === undefined) return rest;
  const images = JSON.parse(stored) as ImagePart[][];
  return {
    ...rest,
    prompt: prompt.map((one, i) => ((images[i]?.length ?? 0) === 0 ? one : { ...one, images: images[i]! })),
  };
}

function groupRows(record: RolloutRecord, recorded: RecordedGroup): RolloutRow[] {
  return recorded.group.rollouts.map((rollout, index) => ({
    step: record.step,
    stage: record.stage,
    purpose: record.purpose,
    level: recorded.level ?? null,
    reward: recorded.rewards?.[index] ?? null,
    advantage: recorded.advantages?.[index] ?? null,
    off_policy_steps: recorded.offPolicySteps ?? null,
    ...problemFields(recorded),
    ...rolloutFields(rollout),
    ...transcriptColumns(rollout, recorded.group.problem),
  }));
}

function problemFields({ group: { problem } }: RecordedGroup) {
  return {
    problem_id: problem.id,
    domain: problem.domain,
    family: problem.family ?? null,
    knob: problem.knob ?? null,
    prompt: problem.prompt.map(({ role, content }) => ({ role, content })),
    prompt_images: imagesColumn(problem.prompt),
    answer: problem.answer ?? null,
  };
}

function rolloutFields(rollout: Rollout) {
  const { verdict } = rollout;
  return {
    rollout_index: rollout.index,
    policy_version: policyVersionOf(rollout),
    text: answerOf(rollout),
    finish_reason: finishReasonOf(rollout),
    outcome: verdict.outcome,
    score: verdict.score,
    reason: verdict.reason,
    verifier: verdict.verifier,
    evidence: verdict.evidence === undefined ? null : stringifyJson(verdict.evidence),
  };
}
