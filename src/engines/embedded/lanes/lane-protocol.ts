import { EngineError, GradusError } from '../../../core/errors.ts';
import type { ModelConfig } from '../../model-files/model-config.ts';
import type { AdamWUpdate } from '../learning/adamw.ts';
import type { MeasureJob } from '../measure-products.ts';
import type {
  GradientJob,
  LogprobJob,
  SumJob,
  TokenMeasurements,
  TopJob,
} from '../learning/microbatch-runner.ts';
import type { SamplingJob, FinishedSequence, SequencePart } from '../../requests/sampling-job.ts';

/** What a lane is started with; reaches it as `workerData`. */
export interface LaneOptions {
  readonly config: ModelConfig;
  /** Where the tokenizer lies, for stop strings. */
  readonly folder: string;
  readonly threads: number;
  readonly slots: number;
  readonly maxSequenceTokens: number;
  readonly endTokens: readonly number[];
  /** The lane's part of the budget: for training programs, and a quarter of it for keys and values. */
  readonly memoryBudgetBytes: number;
}

/** What a lane can be asked. Arrays over a `SharedArrayBuffer` are shared, everything else is copied. */
export type LaneTask =
  | { readonly kind: 'logprobs'; readonly job: LogprobJob }
  | { readonly kind: 'top'; readonly job: TopJob }
  | { readonly kind: 'gradient'; readonly job: GradientJob }
  | { readonly kind: 'sum'; readonly job: SumJob }
  | { readonly kind: 'norm'; readonly job: Float32Array }
  | { readonly kind: 'update'; readonly job: AdamWUpdate }
  | { readonly kind: 'measure'; readonly job: MeasureJob }
  | {
      readonly kind: 'sample';
      readonly job: SamplingJob;
      /** Copied by the lane before it answers `started`: they may change afterwards. */
      readonly weights: Float32Array;
      /** Another number whenever the weights are others. */
      readonly version: number;
      /** Element 0 becomes 1 when the job is to stop. Shared. */
      readonly aborted: Int32Array;
    };

export type LaneRequest = LaneTask & { readonly id: number };

/** What a task comes to; nothing for those that change shared memory or have said everything by `written`. */
export type LaneResult = Float32Array | TokenMeasurements | number | void;

/** What a lane says; every request ends with one `done` or `failed`. */
export type LaneReply =
  | { readonly id: number; readonly kind: 'started' }
  | {
      readonly id: number;
      readonly kind: 'written';
      readonly written: readonly FinishedSequence[];
      readonly parts: readonly SequencePart[];
    }
  | { readonly id: number; readonly kind: 'done'; readonly result: LaneResult }
  | { readonly id: number; readonly kind: 'failed'; readonly error: CarriedError };

/** An error in a form that crosses between threads with its code and advice. */
export interface CarriedError {
  readonly code: string;
  readonly message: string;
  readonly tryNext: string | undefined;
}

export function packError(error: unknown): CarriedError {
  if (GradusError.isInstance(error))
    return { code: error.code, message: error.message, tryNext: error.tryNext };
  const message = error instanceof Error ? error.message : String(error);
  return { code: 'ENGINE_FAILED', message, tryNext: undefined };
}

export function unpackError({ code, message, tryNext }: CarriedError): EngineError {
  return new EngineError(message, { code, ...(tryNext === undefined ? {} : { tryNext }) });
}
