import type { Problem } from '../core/problem.ts';
import type { Renderer } from '../engines/engine.ts';
import type { StepScorer } from '../verifiers/step-scorer.ts';
import type { Verifier } from '../verifiers/verifier.ts';
import { openCompletionsScorer } from './completions-scorer.ts';
import { openModelScorer } from './model-scorer.ts';
import { openPoolingScorer } from './pooling-scorer.ts';
import type { ScorerConfig } from './scorer-config.ts';
import { openVerifierScorer } from './verifier-scorer.ts';

/** What scorers are opened with. */
export interface ScorerParts {
  readonly verifierFor: (problem: Problem) => Verifier;
  /** Renderer of the policy whose attempts are scored. Absent: only the verifier can score. */
  readonly renderer?: Renderer | undefined;
  /** Folder that relative paths start from. Default: the working directory. */
  readonly baseDir?: string | undefined;
}

/**
 * Opens the step scorer of a configuration. Dispose of `opened` to close it.
 *
 * @throws ConfigError for a policy without a tokenizer, a scorer of another vocabulary, and swapped labels.
 */
export async function openScorer(
  config: ScorerConfig,
  parts: ScorerParts,
  opened: AsyncDisposableStack,
): Promise<StepScorer> {
  switch (config.type) {
    case 'verifier':
      return openVerifierScorer(parts.verifierFor);
    case 'model':
      return openModelScorer(config, parts, opened);
    case 'pooling':
      return openPoolingScorer(config, parts);
    case 'completions':
      return openCompletionsScorer(config, parts);
  }
}
