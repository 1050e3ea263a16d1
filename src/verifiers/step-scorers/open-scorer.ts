import type { Problem } from '../../core/problem.ts';
import type { StepScorer } from '../step-scorer.ts';
import type { Verifier } from '../verifier.ts';
import type { ScorerConfig } from './scorer-config.ts';
import { openVerifierScorer } from './verifier-scorer.ts';

/** Opens the step scorer of a configuration. */
export function openScorer(config: ScorerConfig, verifierFor: (problem: Problem) => Verifier): StepScorer {
  switch (config.type) {
    case 'verifier':
      return openVerifierScorer(verifierFor);
  }
}
