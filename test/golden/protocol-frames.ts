import * as z from 'zod';
import {
  replySchema,
  type Reply,
  type Request,
  requestSchema,
  resultSchemas,
} from '../../src/protocol/messages.ts';
import { packTensors, type Tensors } from '../../src/protocol/tensors.ts';

/** A message with its tensors, which both languages must decode to the same content. */
interface GoldenFrame {
  readonly header: Request | Reply;
  readonly tensors: Tensors;
  readonly payload: Uint8Array;
}

/** Generates the JSON Schema of all messages: requests, replies, and results by request. */
export function protocolJsonSchema(): unknown {
  const schemaOf = (schema: z.ZodType): unknown => z.toJSONSchema(schema, { io: 'input' });
  const results = Object.entries(resultSchemas).map(([name, schema]) => [name, schemaOf(schema)]);
  return {
    request: schemaOf(requestSchema),
    reply: schemaOf(replySchema),
    results: Object.fromEntries(results),
  };
}

type Unframed<Message> = Message extends unknown ? Omit<Message, 'tensors'> : never;

const i32 = (...values: number[]): Int32Array => Int32Array.from(values);
const f32 = (...values: number[]): Float32Array => Float32Array.from(values);

/** Returns at least one frame of every message type, by name. Values are exact in float32. */
export function goldenFrames(): Record<string, GoldenFrame> {
  const frame = (message: Unframed<Request | Reply>, tensors: Tensors = {}): GoldenFrame => {
    const packed = packTensors(tensors);
    const header = { ...message, tensors: packed.tensors };
    return { header, tensors, payload: packed.payload };
  };
  const result = (
    request: Request['type'],
    body: Record<string, unknown>,
    tensors: Tensors = {},
  ): GoldenFrame => frame({ id: 9, type: 'result', request, result: body }, tensors);
  return {
    ...requestFrames(frame),
    'hello-result': result('hello', {
      protocol: 1,
      session: 's1',
      worker: { version: '0.1.0', pid: 7, python: '3.11.2', torch: '2.13.0' },
      devices: ['cpu'],
    }),
    'forward-backward-result': result(
      'forwardBackward',
      {
        loss: -0.5,
        tokens: 2,
        processedTokens: 3,
        sequences: 1,
        entropy: 1.25,
        mismatchKl: null,
        metrics: {},
      },
      { logprobs: f32(0, -0.5, -0.25) },
    ),
    'gradient-norm-result': result('gradientNorm', { norm: 0.25 }),
    'optim-step-result': result('optimStep', { policyVersion: 1, gradNorm: 0.5, applied: true }),
    part: frame(
      {
        id: 3,
        type: 'part',
        sequences: [
          { prompt: 0, index: 1, count: 2, finishReason: 'stop', policyVersionStart: 4, policyVersionEnd: 4 },
          { prompt: 0, index: 0, count: 1, finishReason: null, policyVersionStart: 4, policyVersionEnd: 4 },
        ],
      },
      { tokens: i32(11, 2, 5), logprobs: f32(-0.5, -0.125, -2), entropies: f32(0.75, 0.25, 1.5) },
    ),
    error: frame({ id: 5, type: 'error', code: 'oom', message: 'expected 3 GiB more memory – ∞' }),
  };
}

function requestFrames(
  frame: (message: Unframed<Request>, tensors?: Tensors) => GoldenFrame,
): Record<string, GoldenFrame> {
  const tokens = i32(1, 17, 4);
  const zeros = f32(0, 0, 0);
  return {
    hello: frame({
      id: 1,
      type: 'hello',
      protocol: { min: 1, max: 1 },
      client: { name: 'gradus', version: '0.1.0' },
      token: null,
    }),
    'create-model': frame({
      id: 2,
      seq: 1,
      type: 'createModel',
      model: 'models/gradus-tiny',
      device: 'cpu',
      dtype: 'float32',
      lora: { rank: 8, alpha: 16, targets: ['q_proj', 'v_proj'], adapter: null },
      tokensPerMicrobatch: 4096,
      activationCheckpointing: false,
      train: true,
      endTokens: [2],
      slots: null,
    }),
    sample: frame(
      {
        id: 3,
        seq: 2,
        type: 'sample',
        prompts: [{ length: 3, firstIndex: 0, count: 2 }],
        maxTokens: 8,
        temperature: 1,
        topP: 1,
        topK: 0,
        stream: false,
      },
      { tokens, randomKeys: Uint32Array.of(4_294_967_295, 7) },
    ),
    'sample-continued': frame(
      {
        id: 8,
        seq: 6,
        type: 'sample',
        prompts: [{ length: 3, firstIndex: 1, count: 1, firstPosition: 2 }],
        maxTokens: 6,
        temperature: 0.5,
        topP: 0.75,
        topK: 20,
        stream: true,
      },
      { tokens, randomKeys: Uint32Array.of(7) },
    ),
    abort: frame({ id: 4, type: 'abort', target: 3, sequences: [{ prompt: 0, index: 1 }] }),
    logprobs: frame(
      { id: 5, seq: 3, type: 'logprobs', which: 'reference', temperature: 0.5, lengths: [2, 1] },
      { tokens },
    ),
    'forward-backward': frame(
      {
        id: 6,
        seq: 4,
        type: 'forwardBackward',
        lengths: [3],
        loss: {
          policy: { type: 'clipped', ratio: 'token', clipLow: 0.25, clipHigh: 0.5, dualClip: null },
          kl: { estimator: 'k3', coefficient: 0.0625 },
          entropy: null,
          importance: { level: 'token', mode: 'truncate', cap: 2 },
          temperature: 1,
        },
      },
      {
        tokens,
        weights: f32(0, 0.5, 0.5),
        advantages: f32(0, 1, 1),
        rolloutLogprobs: f32(0, -0.5, -0.25),
        referenceLogprobs: zeros,
      },
    ),
    'gradient-norm': frame(
      {
        id: 14,
        seq: 9,
        type: 'gradientNorm',
        lengths: [3],
        loss: {
          policy: { type: 'reinforce' },
          kl: null,
          entropy: null,
          importance: null,
          temperature: 1,
        },
      },
      {
        tokens,
        weights: f32(0, 0.5, 0.5),
        advantages: f32(0, 1, 1),
        rolloutLogprobs: f32(0, -0.5, -0.25),
      },
    ),
    'optim-step': frame({
      id: 7,
      seq: 5,
      type: 'optimStep',
      learningRate: 0.000001,
      beta1: 0.9,
      beta2: 0.999,
      epsilon: 1e-8,
      weightDecay: 0,
      maxGradNorm: null,
    }),
    'save-state': frame({ id: 8, seq: 6, type: 'saveState', dir: 'runs/a/state' }),
    'load-state': frame({ id: 9, seq: 7, type: 'loadState', dir: 'runs/a/state' }),
    'export-model': frame({ id: 10, seq: 8, type: 'exportModel', dir: 'runs/a/export', dtype: 'bf16' }),
    stats: frame({ id: 11, type: 'stats' }),
    ping: frame({ id: 12, type: 'ping' }),
    shutdown: frame({ id: 13, type: 'shutdown' }),
  };
}
