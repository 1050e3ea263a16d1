import * as z from 'zod';
import { byteSizeSchema } from '../../core/text/byte-size.ts';
import { durationSchema } from '../../core/text/duration.ts';
import { noun } from '../../core/config-builder.ts';

/** Settings of the PyTorch engine. */
export const torchConfig = z.strictObject({
  type: z.literal('torch'),
  /** Device of the worker: `auto` (CUDA if available), `cpu`, `cuda` or e.g. `cuda:1`. */
  device: z.string().min(1).default('auto'),
  /** Element type of the weights; `auto`: bfloat16 on CUDA, float32 on the CPU. */
  dtype: z.enum(['auto', 'float32', 'bfloat16', 'float16']).default('auto'),
  /** Train low-rank adapters instead of all weights. */
  lora: z
    .strictObject({
      rank: z.int().min(1),
      alpha: z.number().positive(),
      targets: z.array(z.string()).min(1),
      /**
       * Folder of adapters with this shape from which to continue, in PEFT's layout, such as `adapter/` from
       * `exportModel`.
       */
      adapter: z.string().min(1).nullable().default(null),
    })
    .nullable()
    .default(null),
  /** Device of the second worker that samples for `ahead()`. Default: `device`. */
  samplerDevice: z.string().min(1).optional(),
  tokensPerMicrobatch: z.int().min(1).default(16_384),
  activationCheckpointing: z.boolean().default(false),
  /** Number of sequences decoded at a time. Default: as many as memory allows. */
  slots: z.int().min(1).nullable().default(null),
  /**
   * Number of processes over which weights, gradients and moments are sharded (PyTorch's FSDP2), one per GPU. Gradus
   * starts them on the worker's machine; a worker at `http://…` or from `command` starts its own ranks.
   */
  ranks: z.int().min(1).default(1),
  /**
   * Places the ranks on a Ray cluster. `address`: `host:port`, `auto` for this machine's cluster, or `local` for a new
   * one.
   */
  cluster: z.strictObject({ address: z.string().min(1).default('auto') }).optional(),
  /**
   * Samples on vLLM servers instead of the trainer's GPU. `replicas`: addresses, or the number of servers to start on
   * the worker's machine, each on `tensorParallel` GPUs after those of the ranks. `scratch` is the folder for weights;
   * default: a temporary one.
   */
  vllm: z
    .strictObject({
      replicas: z.union([z.int().min(1), z.array(z.url({ protocol: /^https?$/ })).min(1)]),
      tensorParallel: z.int().min(1).default(1),
    })
    .refine(({ replicas, tensorParallel }) => typeof replicas === 'number' || tensorParallel === 1, {
      error: 'tensorParallel: expected 1 with addresses, whose servers set --tensor-parallel-size themselves',
    })
    .optional(),
  /**
   * Trains adapters of `baseModel` on a Tinker service, configured by TINKER_BASE_URL and TINKER_API_KEY, instead of on
   * this machine. The model folder then needs only the tokenizer and `config.json`.
   */
  tinker: z.strictObject({ baseModel: z.string().min(1), rank: z.int().min(1).default(32) }).optional(),
  /** Element type of exported weights. */
  exportType: z.enum(['bf16', 'f32']).default('bf16'),
  /** Python interpreter with the worker's packages. Default: see `findPython`. */
  python: z.string().min(1).optional(),
  /** Complete command that starts the worker, instead of `python`. */
  command: z.array(z.string()).min(1).optional(),
  /**
   * Remote worker instead of a local one: `http://host:port` of `python -m gradus_worker --http`, with its token in
   * GRADUS_WORKER_TOKEN; or `ssh://user@host/folder-of-the-worker`, started over ssh. Model and runs must have the same
   * paths on both machines.
   */
  remote: z
    .string()
    .refine((text) => /^(https?|ssh):\/\//.test(text) && URL.canParse(text), {
      error: 'expected http://host:port or ssh://user@host/folder',
    })
    .optional(),
  /** Maximum time to wait for the answer to a ping; a worker that does not answer in time counts as crashed. */
  maxSilence: durationSchema.default('5m'),
  /** Maximum memory for the updates since the last checkpoint, from which a worker is restored after a crash. */
  maxReplay: byteSizeSchema.default('2GiB'),
  /**
   * Folder for an intermediate state when `maxReplay` is exceeded, and for the past policies of `ahead()`;
   * its content is removed at the end. Default: no folder. A crash after `maxReplay` is exceeded then ends
   * the run, and past policies are saved to the temporary folder, which an `ssh://` worker does not share.
   */
  scratch: z.string().min(1).optional(),
});

/** Input of `torchConfig`. */
export type TorchOptions = Omit<z.input<typeof torchConfig>, 'type'>;

/** Settings with every default filled in. */
export type TorchConfig = z.output<typeof torchConfig>;

/**
 * Configures the PyTorch engine, which runs in a Python process and is meant for GPUs.
 *
 * @example
 * policy: { model: 'models/DeepSeek-R1-Distill-Qwen-1.5B', engine: torch({ device: 'cuda:1' }) }
 */
export const torch = noun(torchConfig);
