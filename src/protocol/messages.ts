import * as z from 'zod';

/** Version of the protocol; increases when an old worker would misunderstand a new client. */
export const protocolVersion = 1;

/**
 * Maximum sizes of a frame's header and payload, in bytes. A larger length means that the bytes are not a
 * frame.
 */
export const maxHeaderBytes = 2 ** 24;
export const maxPayloadBytes = 2 ** 30;

const count = z.int().min(0);
const positive = z.int().min(1);
/** `null` replaces a non-finite number: JSON has neither NaN nor infinity. */
const measured = z.number().nullable();

/** Bytes per element of each type, all little-endian. */
export const elementBytes = { f32: 4, i32: 4, u32: 4 } as const;

/** A tensor in the payload: row-major, contiguous; `offset` in bytes, a multiple of 4. */
export const tensorSchema = z.strictObject({
  name: z.string().min(1).max(64),
  dtype: z.enum(['f32', 'i32', 'u32']),
  shape: z.array(count).max(4),
  offset: count,
});

/** The description of a tensor in a header. */
export type TensorDescription = z.output<typeof tensorSchema>;

/** `id` matches replies to requests; unique on a connection. */
const frame = { id: positive, tensors: z.array(tensorSchema).max(64) };
/** Sequence number of a request that touches the model: 1, 2, 3 … within a session. */
const ordered = { ...frame, seq: positive };

const policyTerm = z.discriminatedUnion('type', [
  z.strictObject({
    type: z.literal('clipped'),
    ratio: z.enum(['token', 'sequence']),
    clipLow: z.number(),
    clipHigh: z.number(),
    dualClip: z.number().nullable(),
  }),
  z.strictObject({ type: z.literal('cispo'), minRatio: z.number(), maxRatio: z.number() }),
  z.strictObject({ type: z.literal('reinforce') }),
  z.strictObject({ type: z.literal('cross-entropy') }),
]);

/** The schema of `LossSpec` in src/core. */
const lossSpec = z.strictObject({
  policy: policyTerm,
  kl: z.strictObject({ estimator: z.enum(['k1', 'k2', 'k3']), coefficient: z.number() }).nullable(),
  entropy: z.strictObject({ coefficient: z.number() }).nullable(),
  importance: z
    .strictObject({
      level: z.enum(['token', 'sequence']),
      mode: z.enum(['truncate', 'mask']),
      cap: z.number(),
    })
    .nullable(),
  temperature: z.number().positive(),
});

const lora = z.strictObject({
  rank: positive,
  alpha: z.number().positive(),
  /** Names of linear layers, e.g. `q_proj`. */
  targets: z.array(z.string()).min(1),
  /** Folder of initial adapters with the same rank, alpha and targets, in PEFT's layout; `null`: new ones. */
  adapter: z.string().nullable(),
});

const hello = z.strictObject({
  ...frame,
  type: z.literal('hello'),
  protocol: z.strictObject({ min: positive, max: positive }),
  client: z.strictObject({ name: z.string(), version: z.string() }),
  token: z.string().nullable(),
});
const createModel = z.strictObject({
  ...ordered,
  type: z.literal('createModel'),
  model: z.string(),
  device: z.string(),
  dtype: z.enum(['auto', 'float32', 'bfloat16', 'float16']),
  lora: lora.nullable(),
  tokensPerMicrobatch: positive,
  activationCheckpointing: z.boolean(),
  /** If false, the session does not train and allocates no memory for training. */
  train: z.boolean(),
  endTokens: z.array(count).min(1),
  /** Maximum number of concurrent completions; `null`: as many as fit in memory. */
  slots: positive.nullable(),
});
const sample = z.strictObject({
  ...ordered,
  type: z.literal('sample'),
  prompts: z.array(
    z.strictObject({
      length: positive,
      firstIndex: count,
      count,
      /**
       * Number of tokens that the policy wrote in this rollout before this request; absent: 0. The random numbers of
       * the rollout continue from there.
       */
      firstPosition: count.optional(),
    }),
  ),
  maxTokens: positive,
  temperature: z.number().min(0),
  topP: z.number().positive().max(1),
  topK: count,
  /** Send tokens as they are written, e.g. for stop strings; false: send each completion in one part. */
  stream: z.boolean(),
  /**
   * Keep the keys and values of completions that stop or are aborted by name, for requests that continue them. Absent:
   * false.
   */
  isContinued: z.literal(true).optional(),
});
const abort = z.strictObject({
  ...frame,
  type: z.literal('abort'),
  /** `id` of the sample request. */
  target: positive,
  /** The completions to end; `null`: all of them. */
  sequences: z.array(z.strictObject({ prompt: count, index: count })).nullable(),
});
/** A batch of sequences, flat in the tensors. */
const batch = {
  ...ordered,
  lengths: z.array(positive),
  /** The tensor `targets` replaces the tokens to predict. Absent: false. */
  withTargets: z.literal(true).optional(),
};
const logprobs = z.strictObject({
  ...batch,
  type: z.literal('logprobs'),
  which: z.enum(['policy', 'reference']),
  temperature: z.number().positive(),
});
const forwardBackward = z.strictObject({ ...batch, type: z.literal('forwardBackward'), loss: lossSpec });
const gradientNorm = z.strictObject({ ...batch, type: z.literal('gradientNorm'), loss: lossSpec });
const optimStep = z.strictObject({
  ...ordered,
  type: z.literal('optimStep'),
  learningRate: z.number(),
  beta1: z.number(),
  beta2: z.number(),
  epsilon: z.number(),
  weightDecay: z.number(),
  maxGradNorm: z.number().nullable(),
});
const saveState = z.strictObject({
  ...ordered,
  type: z.literal('saveState'),
  dir: z.string(),
  /** Omit the optimizer's moments, as for a worker that only samples. Absent: false. */
  weightsOnly: z.boolean().optional(),
});
const loadState = z.strictObject({
  ...ordered,
  type: z.literal('loadState'),
  dir: z.string(),
  /** Load only the weights; moments and policy version start at 0. Default false. */
  newOptimizer: z.boolean().optional(),
});
const exportModel = z.strictObject({
  ...ordered,
  type: z.literal('exportModel'),
  dir: z.string(),
  dtype: z.enum(['bf16', 'f32']),
});
const stats = z.strictObject({ ...frame, type: z.literal('stats') });
const ping = z.strictObject({ ...frame, type: z.literal('ping') });
const shutdown = z.strictObject({ ...frame, type: z.literal('shutdown') });

/** All requests. */
export const requestSchema = z.discriminatedUnion('type', [
  hello,
  createModel,
  sample,
  abort,
  logprobs,
  forwardBackward,
  gradientNorm,
  optimStep,
  saveState,
  loadState,
  exportModel,
  stats,
  ping,
  shutdown,
]);

/** Header of a request. */
export type Request = z.output<typeof requestSchema>;

/** The result of each request, in addition to `id`, `type` and `tensors`. */
export const resultSchemas = {
  hello: z.strictObject({
    protocol: positive,
    session: z.string(),
    worker: z.strictObject({ version: z.string(), pid: positive, python: z.string(), torch: z.string() }),
    devices: z.array(z.string()),
  }),
  createModel: z.strictObject({
    modelHash: z.string().regex(/^[0-9a-f]{64}$/),
    architecture: z.string(),
    parameters: positive,
    vocabSize: positive,
    maxSequenceTokens: positive,
    device: z.string(),
    dtype: z.string(),
    policyVersion: count,
  }),
  sample: z.strictObject({ finished: count, aborted: count }),
  abort: z.strictObject({}),
  logprobs: z.strictObject({}),
  forwardBackward: z.strictObject({
    loss: measured,
    tokens: count,
    processedTokens: count,
    sequences: count,
    entropy: measured.optional(),
    kl: measured.optional(),
    clipLow: measured.optional(),
    clipHigh: measured.optional(),
    mismatchKl: measured.optional(),
    maxProbabilityGap: measured.optional(),
    /** Other metrics by name, e.g. `mfu`, `microbatches`. */
    metrics: z.record(z.string(), measured).default({}),
  }),
  gradientNorm: z.strictObject({ norm: measured }),
  optimStep: z.strictObject({ policyVersion: count, gradNorm: measured, applied: z.boolean() }),
  saveState: z.strictObject({ policyVersion: count }),
  loadState: z.strictObject({ policyVersion: count }),
  exportModel: z.strictObject({}),
  stats: z.strictObject({ metrics: z.record(z.string(), measured) }),
  ping: z.strictObject({}),
  shutdown: z.strictObject({}),
} as const satisfies Record<Request['type'], z.ZodObject>;

/**
 * Why a request failed. `conflict`: wrong sequence number or session; `non-finite`: NaN or infinite logits while
 * sampling; `mismatch`: a sampling server has different weights from the trainer.
 */
const errorCodeSchema = z.enum(['oom', 'bad-request', 'conflict', 'non-finite', 'mismatch', 'internal']);

const result = z.strictObject({
  ...frame,
  type: z.literal('result'),
  request: z.enum(Object.keys(resultSchemas) as Request['type'][]),
  /** Validated separately, by the schema for the request's type. */
  result: z.record(z.string(), z.unknown()),
});
const part = z.strictObject({
  ...frame,
  type: z.literal('part'),
  sequences: z.array(
    z.strictObject({
      prompt: count,
      index: count,
      /** Number of this completion's tokens in this part. */
      count,
      finishReason: z.enum(['stop', 'length']).nullable(),
      policyVersionStart: count,
      policyVersionEnd: count,
    }),
  ),
});
const failure = z.strictObject({
  ...frame,
  type: z.literal('error'),
  code: errorCodeSchema,
  message: z.string(),
});

/** All replies. */
export const replySchema = z.discriminatedUnion('type', [result, part, failure]);

/** Header of a reply. */
export type Reply = z.output<typeof replySchema>;
