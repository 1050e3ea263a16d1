import * as z from 'zod';
import { completionsScorerConfig } from './completions-scorer.ts';
import { confidenceScorerConfig } from './confidence-scorer.ts';
import { modelScorerConfig } from './model-scorer.ts';
import { poolingScorerConfig } from './pooling-scorer.ts';
import { verifierScorerConfig } from './verifier-scorer.ts';

/** Configuration of a step scorer. */
export const scorerConfig = z.discriminatedUnion('type', [
  verifierScorerConfig,
  confidenceScorerConfig,
  modelScorerConfig,
  poolingScorerConfig,
  completionsScorerConfig,
]);
export type ScorerConfig = z.output<typeof scorerConfig>;
