import * as z from 'zod';
import { verifierScorerConfig } from './verifier-scorer.ts';

/** What scores steps. */
export const scorerConfig = z.discriminatedUnion('type', [verifierScorerConfig]);
export type ScorerConfig = z.output<typeof scorerConfig>;
