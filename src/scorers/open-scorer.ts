import type { StepScorer } from '../verifiers/step-scorer.ts';
import { openCompletionsScorer } from './completions-scorer.ts';
import { openConfidenceScorer } from './confidence-scorer.ts';
import { openModelScorer } from './model-scorer.ts';
import { openPoolingScorer } from './pooling-scorer.ts';
import type { ScorerConfig } from './scorer-config.ts';
import type { ScorerParts } from './scorer-parts.ts';
import { openVerifierScorer } from './verifier-scorer.ts';

/**
 * Opens the step scorer for a config. Dispose of `opened` to close it.
 *
 * @throws ConfigError if the policy has no tokenizer, the scorer has a different vocabulary, or the labels are swapped.
 */
export async function openScorer(
  config: ScorerConfig,
  parts: ScorerParts,
  opened: AsyncDisposableStack,
): Promise<StepScorer> {
  switch (config.type) {
    case 'verifier':
      return openVerifierScorer(parts.verifierFor);
    case 'confidence':
      return openConfidenceScorer();
    case 'model':
      return openModelScorer(config, parts, opened);
    case 'pooling':
      return openPoolingScorer(config, parts);
    case 'completions':
      return openCompletionsScorer(config, parts);
  }
}
