import * as z from 'zod';
import { byteSizeSchema } from '../../core/byte-size.ts';
import { durationSchema } from '../../core/duration.ts';
import { noun } from '../../core/noun.ts';

/** Settings of the PyTorch engine. */
export const torchConfig = z.strictObject({
  type: z.literal('torch'),
  /** `auto` (CUDA where there is one), `cpu`, `cuda`, `cuda:1`. */
  device: z.string().min(1).default('auto'),
  /** `auto`: bfloat16 on CUDA, float32 on the processor. */
  dtype: z.enum(['auto', 'float32', 'bfloat16', 'float16']).default('auto'),
  /** Train low-rank adapters in place of all weights. */
  lora: z
    .strictObject({
      rank: z.int().min(1),
      alpha: z.number().positive(),
      targets: z.array(z.string()).min(1),
      /** Adapters of this shape to go on with: a folder in PEFT's layout, as `exportModel` leaves in `adapter/`. */
      adapter: z.string().min(1).nullable().default(null),
    })
    .nullable()
    .default(null),
  tokensPerMicrobatch: z.int().min(1).default(16_384),
  activationCheckpointing: z.boolean().default(false),
  /** Sequences written at a time. Default: as many as memory holds. */
  slots: z.int().min(1).nullable().default(null),
  /** Element type of exported weights. */
  exportType: z.enum(['bf16', 'f32']).default('bf16'),
  /** Python that has the worker's packages. Default: see `findPython`. */
  python: z.string().min(1).optional(),
  /** The whole command that starts the worker, in place of `python`. */
  command: z.array(z.string()).min(1).optional(),
  /**
   * A worker on another machine, in place of one that is started here: `http://host:port` of `python -m gradus_worker --http`, its
   * token in GRADUS_WORKER_TOKEN; or `ssh://user@host/folder-of-the-worker`, started there. Both machines see model and runs under the same paths.
   */
  remote: z
    .string()
    .refine((text) => /^(https?|ssh):\/\//.test(text) && URL.canParse(text), {
      error: 'expected http://host:port or ssh://user@host/folder',
    })
    .optional(),
  /** A worker that does not answer a ping for this long is taken for dead. */
  maxSilence: durationSchema.default('5m'),
  /** Memory for what was learned since the last checkpoint: what a worker that is lost is brought back with. */
  maxReplay: byteSizeSchema.default('2GiB'),
  /** Folder for a state in between, where that is not enough; removed at the end. Default: a worker lost then ends the run. */
  scratch: z.string().min(1).optional(),
});

/** What `torchConfig` accepts. */
export type TorchOptions = Omit<z.input<typeof torchConfig>, 'type'>;

/** Settings with every default in place. */
export type TorchConfig = z.output<typeof torchConfig>;

/**
 * The engine on PyTorch, in a Python process of its own: for a GPU.
 *
 * @example
 * policy: { model: 'models/DeepSeek-R1-Distill-Qwen-1.5B', engine: torch({ device: 'cuda:1' }) }
 */
export const torch = noun(torchConfig);
