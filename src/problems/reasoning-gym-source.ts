import * as z from 'zod';
import { Bridge, bridgeShape } from '../bridge/bridge.ts';
import type { BridgeTask } from '../bridge/messages.ts';
import { noun } from '../core/config-builder.ts';
import { DataError } from '../core/errors.ts';
import type { Problem } from '../core/problem.ts';
import type { SourceRecord } from '../core/source-record.ts';
import { fingerprint, splitOf } from './generated-source.ts';
import { withInstruction, instructionShape } from './instruction.ts';

/**
 * Problems of a reasoning-gym dataset, made by the package in a Python process. `reasoningGymAnswer()` judges them with
 * the dataset's own scorer.
 */
export const reasoningGymConfig = z.strictObject({
  type: z.literal('reasoning-gym'),
  /** Name of the dataset, e.g. `chain_sum`. */
  task: z.string().min(1),
  /** Settings of the dataset, e.g. `{ min_terms: 2 }`; default: the dataset's own. */
  settings: z.record(z.string(), z.json()).default({}),
  /**
   * Levels of the dataset's curriculum, 1 = easiest; they override the settings that they concern. Default: only the
   * settings.
   */
  knobs: z.array(z.int().min(1)).min(1).optional(),
  /** Whether a knob contains the ranges of all easier ones, as in reasoning-gym, or only its own upper range. */
  range: z.enum(['inclusive', 'upper_bound']).default('inclusive'),
  /** Number of distinct questions, taken one by one from each knob. */
  count: z.int().min(1),
  /** A different seed draws different questions of the same split. */
  seed: z.int().min(0).default(0),
  split: z.enum(['train', 'validation', 'held-out']),
  /**
   * Template of the question from the entry's own fields, for models that read a fixed form, e.g. `{expression}=?`;
   * `{expression:compact}` omits blanks.
   */
  question: z.string().min(1).default('{question}'),
  /** Domain of the problems; the recipe selects the verifier by it. */
  domain: z.string().min(1).default('reasoning-gym'),
  ...bridgeShape,
  ...instructionShape,
});
type ReasoningGymConfig = z.output<typeof reasoningGymConfig>;

/**
 * Recipe noun for problems of reasoning-gym.
 *
 * @example
 * problems: [reasoningGym({ task: 'chain_sum', knobs: [1, 2, 3], count: 300, split: 'train' })],
 * verifiers: { 'reasoning-gym': reasoningGymAnswer() },
 */
export const reasoningGym = noun(reasoningGymConfig);

/** Number of entries per request. */
const batch = 200;
/** Consecutive batches without a new question of the split after which a knob counts as exhausted. */
const maxBatchesInVain = 10;

/**
 * Generates the problems of a config in a Python process, deterministically for one version of the package.
 *
 * @param baseDir the recipe's folder.
 * @throws ConfigError if the package cannot be used; DataError for an unknown dataset or setting, or too few questions.
 */
export async function loadReasoningGym(
  config: ReasoningGymConfig,
  baseDir: string,
  signal?: AbortSignal,
): Promise<{ readonly problems: readonly Problem[]; readonly record: SourceRecord }> {
  const where = `reasoning-gym ${config.task}`;
  await using bridge = new Bridge({
    ...config,
    package: 'reasoning-gym',
    baseDir,
    errorOf: (why) => new DataError(`${where}: ${why}`),
  });
  const { version } = await bridge.open();
  const knobs: readonly (number | undefined)[] = config.knobs ?? [undefined];
  const seen = new Set<string>();
  const found: Problem[][] = [];
  for (const [i, knob] of knobs.entries()) {
    const share = Math.floor((config.count + knobs.length - 1 - i) / knobs.length);
    const dataset = {
      name: config.task,
      settings: config.settings,
      knob,
      range: config.range,
      seed: config.seed,
    };
    const drawn: Problem[] = [];
    for await (const task of distinctTasks({ bridge, dataset, split: config.split, seen, signal })) {
      if (drawn.length === share) break;
      drawn.push(problemOf(task, dataset, config, version));
    }
    if (drawn.length < share) throw exhausted(config, knob, share, drawn.length);
    found.push(drawn);
  }
  const problems = Array.from({ length: found[0]!.length }, (_, i) =>
    found.flatMap((of) => of[i] ?? []),
  ).flat();
  return { problems, record: { source: `${where}@${version}`, problems: problems.length, files: [] } };
}

interface Draw {
  readonly bridge: Bridge;
  readonly dataset: object;
  readonly split: ReasoningGymConfig['split'];
  /** Questions drawn so far, for all knobs. */
  readonly seen: Set<string>;
  readonly signal: AbortSignal | undefined;
}

/** Yields tasks of the split whose questions are new, until the dataset yields no more. */
async function* distinctTasks({ bridge, dataset, split, seen, signal }: Draw): AsyncGenerator<BridgeTask> {
  let inVain = 0;
  for (let from = 0; inVain < maxBatchesInVain; from += batch) {
    inVain++;
    const { tasks } = await bridge.tasks({ dataset, from, count: batch }, signal);
    for (const task of tasks) {
      const question = questionOf(task);
      if (seen.has(question) || splitOf(question) !== split) continue;
      seen.add(question);
      inVain = 0;
      yield task;
    }
  }
}

const questionOf = ({ prompt }: BridgeTask): string => prompt.at(-1)!.content;

function problemOf(
  task: BridgeTask,
  dataset: { readonly name: string; readonly knob: number | undefined },
  config: ReasoningGymConfig,
  version: string,
): Problem {
  const question = questionOf(task);
  const text = fillTemplate(config.question, { ...task.fields, question }, config.task);
  const knob = dataset.knob;
  return {
    id: `reasoning-gym/${config.task}/${knob === undefined ? '' : `${knob}/`}${fingerprint(question)}`,
    domain: config.domain,
    family: config.task,
    ...(knob !== undefined && { knob }),
    prompt: withInstruction([{ role: 'user', content: text }], config),
    ...(task.answer !== null && { answer: task.answer }),
    source: `reasoning-gym ${version}`,
    extra: { reasoningGym: { dataset, ...task.task } },
  };
}

/** Replaces `{name}` with the field of that name, and `{name:compact}` with the field without blanks. */
function fillTemplate(template: string, fields: Readonly<Record<string, string>>, task: string): string {
  return template.replaceAll(/\{(\w+)(:compact)?\}/g, (_, name: string, compact?: string) => {
    const value = fields[name];
    if (value !== undefined) return compact === undefined ? value : value.replaceAll(/\s+/g, '');
    throw new DataError(
      `reasoning-gym ${task}: "question": expected fields of the entry, got "{${name}}"; known: ${Object.keys(fields).join(', ')}`,
    );
  });
}

function exhausted(
  { task, split }: ReasoningGymConfig,
  knob: number | undefined,
  wanted: number,
  found: number,
): DataError {
  const of = knob === undefined ? '' : ` of knob ${knob}`;
  return new DataError(
    `reasoning-gym ${task}: expected ${wanted} distinct ${split} questions${of}, found ${found} (${maxBatchesInVain * batch} more entries had nothing new)`,
    { tryNext: 'ask for fewer, or for harder knobs' },
  );
}
