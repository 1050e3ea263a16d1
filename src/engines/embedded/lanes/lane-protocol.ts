import { EngineError, GradusError } from '../../../core/errors.ts';
import type { ModelConfig } from '../../model-files/model-config.ts';
import type { AdamWUpdate } from '../learning/adamw.ts';
import type { MeasureJob } from '../measure-matmul.ts';
import type { SumJob } from '../learning/microbatch-runner.ts';
import type { GradientJob, LogprobJob, TokenMeasurements, TopJob } from '../learning/pass.ts';
import type { SequencePart } from '../../requests/sampling-job.ts';
import type { DecodedSequence, DecodingJob } from '../sampling/sampling-work.ts';

/** Options of a lane, passed to its thread as `workerData`. */
export interface LaneOptions {
  readonly config: ModelConfig;
  /** Model folder with the tokenizer, which detects stop strings. */
  readonly folder: string;
  readonly threads: number;
  readonly slots: number;
  readonly maxSequenceTokens: number;
  readonly endTokens: readonly number[];
  /** Memory budget of this lane. Training programs may use all of it, keys and values a quarter. */
  readonly memoryBudgetBytes: number;
}

/** Requests to a lane. Arrays over a `SharedArrayBuffer` are shared; everything else is copied. */
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
      readonly job: DecodingJob;
      /** Must not change until the job ends. */
      readonly weights: Float32Array;
      /** Identifies the weights: jobs with the same version share batches. */
      readonly version: number;
      /** Abort flag in shared memory: setting element 0 to 1 stops the job. */
      readonly aborted: Int32Array;
    };

export type LaneRequest = LaneTask & { readonly id: number };

/** Result of each task; undefined for tasks that change shared memory or reply through `written`. */
export type LaneResult = Float32Array | TokenMeasurements | number | void;

/** Replies of a lane; every request ends with one `done` or `failed`. */
export type LaneReply =
  | {
      readonly id: number;
      readonly kind: 'written';
      readonly written: readonly DecodedSequence[];
      readonly parts: readonly SequencePart[];
    }
  | { readonly id: number; readonly kind: 'done'; readonly result: LaneResult }
  | { readonly id: number; readonly kind: 'failed'; readonly error: CarriedError };

/** A serialisable form of an error that keeps its code and advice when posted between threads. */
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
