import type { TokenBatch, TokenSequence } from '../../../core/batch.ts';
import type { TopLogprobs } from '../../engine.ts';
import type { ModelConfig } from '../../model-files/model-config.ts';
import { checkTokens } from '../../requests/check-batch.ts';
import type { BatchShape } from '../transformer.ts';
import { distribute } from './distribute.ts';
import { type Microbatch, splitRows, splitTop, tokenFeeds } from './microbatches.ts';
import type { MicrobatchRunner } from './microbatch-runner.ts';
import type { LogprobJob } from './pass.ts';

/** Scores tokens under the policy or the reference. */
export interface Scorer {
  logprobs(batch: TokenBatch, which: 'policy' | 'reference'): Promise<Float32Array[]>;
  topLogprobs(batch: TokenBatch, count: number): Promise<TopLogprobs[]>;
}

interface ScorerParts {
  readonly config: ModelConfig;
  readonly runners: readonly MicrobatchRunner[];
  /** See `MicrobatchRule`. */
  readonly inLayers: boolean;
  /** Divides a batch into microbatches. */
  readonly plan: (batch: TokenBatch) => Microbatch[];
  readonly weightsOf: (which: 'policy' | 'reference') => Promise<Float32Array>;
}

/** Creates a scorer that uses the given runners. Results are in the order of the batch. */
export function createScorer({ config, runners, inLayers, plan, weightsOf }: ScorerParts): Scorer {
  /**
   * Scores a batch in microbatches: `run` computes one array per microbatch, and `split` divides it by
   * sequence.
   */
  const score = async <Result>(
    batch: TokenBatch,
    run: (
      runner: MicrobatchRunner,
      scored: Pick<LogprobJob, 'shape' | 'feeds' | 'inLayers'>,
    ) => Promise<Float32Array>,
    split: (values: Float32Array, sequences: readonly TokenSequence[], shape: BatchShape) => Result[],
  ): Promise<Result[]> => {
    checkTokens(batch, config);
    const results: Result[] = [];
    await distribute(runners, plan(batch), async (runner, { sequences: indices, shape }) => {
      const sequences = indices.map((index) => batch.sequences[index]!);
      const values = await run(runner, { shape, feeds: tokenFeeds(sequences, shape), inLayers });
      for (const [row, result] of split(values, sequences, shape).entries()) results[indices[row]!] = result;
    });
    return results;
  };

  return {
    logprobs: async (batch, which) => {
      const scored = { weights: await weightsOf(which), temperature: batch.temperature ?? 1 };
      return score(batch, (runner, microbatch) => runner.logprobs({ ...scored, ...microbatch }), splitRows);
    },
    topLogprobs: async (batch, wanted) => {
      const count = Math.min(wanted, config.vocabSize);
      const weights = await weightsOf('policy');
      return score(
        batch,
        (runner, microbatch) => runner.top({ weights, count, ...microbatch }),
        (values, sequences, shape) => splitTop(values, sequences, shape, count),
      );
    },
  };
}
