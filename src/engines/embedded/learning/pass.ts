import type { LossSpec } from '../../../core/loss-spec.ts';
import type { Arrays } from '../graph/program.ts';
import type { BatchShape } from '../transformer.ts';

/**
 * A microbatch to score. Plain data: it can be posted to a worker thread, which shares `weights` when its buffer is
 * shared.
 */
export interface LogprobJob {
  /** All weights, in the order of `parameterLayout`. Read-only. */
  readonly weights: Float32Array;
  readonly shape: BatchShape;
  /** Whether to run layer by layer instead of as one program; see `MicrobatchRule`. */
  readonly inLayers: boolean;
  /** Output of `tokenFeeds`. */
  readonly feeds: Arrays;
  readonly temperature: number;
}

/** A microbatch whose most probable tokens are requested. */
export interface TopJob extends Omit<LogprobJob, 'temperature'> {
  readonly count: number;
}

/** A microbatch to learn from. */
export interface GradientJob extends Omit<LogprobJob, 'temperature'> {
  /** Output of `tokenFeeds` and `lossFeeds`. */
  readonly feeds: Arrays;
  readonly spec: LossSpec;
  /**
   * Number of blocks whose matrix products a pass in layers keeps for the backward pass, for speed. Does not affect
   * results.
   */
  readonly keptLayers: number;
  /**
   * Receives the gradient, in the order of `parameterLayout`. A pass in one program overwrites the content; a pass in
   * layers adds to it.
   */
  readonly gradient: Float32Array;
}

/** Per-token measurements by name, each [rows · positions]. */
export type TokenMeasurements = Readonly<Record<string, Float32Array>>;

/** Computes microbatches: as one program, or in layers. */
export interface Pass {
  logprobs(job: LogprobJob): Promise<Float32Array>;
  /**
   * Returns the most probable tokens, [rows · positions, 2 · count]: log-probabilities, highest first, then their
   * tokens.
   */
  top(job: TopJob): Promise<Float32Array>;
  gradient(job: GradientJob): Promise<TokenMeasurements>;
}
