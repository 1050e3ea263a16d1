import { asyncBufferFromFile, parquetMetadataAsync, parquetReadObjects, type SchemaElement } from 'hyparquet';
import { parquetWriteBuffer } from 'hyparquet-writer';
import { stringifyJson } from '../../core/lossless-json.ts';
import type { Message } from '../../core/problem.ts';
import type { FinishReason, Rollout } from '../../core/rollout.ts';
import type { Outcome } from '../../core/verdict.ts';
import { writeFileAtomic } from '../../storage/atomic.ts';
import type { RecordedGroup, RolloutRecord } from './records.ts';

/**
 * One row of a shard. `prompt` has the shape of a conversational data set of TRL and verl. The per-token lists speak of
 * token t of `tokens`; `null` means not measured.
 */
export interface RolloutRow {
  readonly step: number;
  readonly stage: string;
  readonly purpose: string;
  readonly problem_id: string;
  readonly domain: string;
  readonly family: string | null;
  readonly knob: number | null;
  readonly level: string | null;
  readonly rollout_index: number;
  readonly policy_version: number;
  readonly prompt: Message[];
  readonly text: string;
  readonly finish_reason: FinishReason;
  readonly answer: string | null;
  readonly outcome: Outcome;
  readonly score: number;
  readonly reward: number | null;
  readonly advantage: number | null;
  readonly reason: string;
  readonly verifier: string;
  /** JSON of `Verdict.evidence`. */
  readonly evidence: string | null;
  readonly prompt_tokens: number[];
  readonly tokens: number[];
  readonly rollout_logprobs: number[];
  /** Nats. Absent where the engine said none, and in shards written before it was recorded. */
  readonly rollout_entropies?: number[] | null;
}

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
const columns: Readonly<Record<Field, (name: string) => SchemaElement[]>> = {
  step: scalar('INT32', 'REQUIRED'),
  stage: string('REQUIRED'),
  purpose: string('REQUIRED'),
  problem_id: string('REQUIRED'),
  domain: string('REQUIRED'),
  family: string('OPTIONAL'),
  knob: scalar('DOUBLE', 'OPTIONAL'),
  level: string('OPTIONAL'),
  rollout_index: scalar('INT32', 'REQUIRED'),
  policy_version: scalar('INT32', 'REQUIRED'),
  prompt: list(message),
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
  prompt_tokens: list([...scalar('INT32', 'REQUIRED')('element')]),
  tokens: list([...scalar('INT32', 'REQUIRED')('element')]),
  rollout_logprobs: list([...scalar('FLOAT', 'REQUIRED')('element')]),
  rollout_entropies: list([...scalar('FLOAT', 'REQUIRED')('element')], 'OPTIONAL'),
};
const fields = Object.keys(columns) as Field[];
const schema: SchemaElement[] = [
  { name: 'rollouts', num_children: fields.length },
  ...fields.flatMap((field) => columns[field](field)),
];

/** Rows are read a few groups at a time by viewers; small row groups keep that cheap. */
const rowGroupSize = 256;

/** Writes one shard: groups in the given order, rollouts in each group's order. Returns its size in bytes. */
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

/** Which rows and columns to read; everything by default. */
export interface ShardSlice<F extends Field = Field> {
  readonly firstRow?: number;
  /** Exclusive. */
  readonly endRow?: number;
  /** Reading few columns is much faster: tokens and logprobs are nearly all of a file. */
  readonly columns?: readonly F[];
}

/** Reads rows of a shard in file order. What was not recorded when it was written is left out. */
export async function readShard<F extends Field = Field>(
  path: string,
  slice: ShardSlice<F> = {},
): Promise<Pick<RolloutRow, F>[]> {
  const file = await asyncBufferFromFile(path);
  const metadata = await parquetMetadataAsync(file);
  const there = new Set(metadata.schema.map(({ name }) => name));
  const rows = await parquetReadObjects({
    file,
    metadata,
    ...(slice.firstRow === undefined ? {} : { rowStart: slice.firstRow }),
    ...(slice.endRow === undefined ? {} : { rowEnd: slice.endRow }),
    ...(slice.columns === undefined ? {} : { columns: slice.columns.filter((name) => there.has(name)) }),
  });
  return rows as Pick<RolloutRow, F>[];
}

function groupRows(record: RolloutRecord, recorded: RecordedGroup): RolloutRow[] {
  return recorded.group.rollouts.map((rollout, index) => ({
    step: record.step,
    stage: record.stage,
    purpose: record.purpose,
    level: recorded.level ?? null,
    reward: recorded.rewards?.[index] ?? null,
    advantage: recorded.advantages?.[index] ?? null,
    ...problemFields(recorded),
    ...rolloutFields(rollout),
  }));
}

function problemFields({ group: { problem } }: RecordedGroup) {
  return {
    problem_id: problem.id,
    domain: problem.domain,
    family: problem.family ?? null,
    knob: problem.knob ?? null,
    prompt: problem.prompt.map(({ role, content }) => ({ role, content })),
    answer: problem.answer ?? null,
  };
}

function rolloutFields(rollout: Rollout) {
  const { verdict } = rollout;
  return {
    rollout_index: rollout.index,
    policy_version: rollout.policyVersion,
    text: rollout.text,
    finish_reason: rollout.finishReason,
    outcome: verdict.outcome,
    score: verdict.score,
    reason: verdict.reason,
    verifier: verdict.verifier,
    evidence: verdict.evidence === undefined ? null : stringifyJson(verdict.evidence),
    prompt_tokens: Array.from(rollout.promptTokens),
    tokens: Array.from(rollout.tokens),
    rollout_logprobs: Array.from(rollout.rolloutLogprobs),
    rollout_entropies: rollout.rolloutEntropies === undefined ? null : Array.from(rollout.rolloutEntropies),
  };
}
