import * as z from 'zod';
import { noun } from '../../core/config-builder.ts';
import { readState } from '../samplers/read-state.ts';
import type { Starts } from './starts.ts';

/** Begins every attempt at the prompt, which is the default. */
export const promptConfig = z.strictObject({ type: z.literal('prompt') });

/** Begins attempts at the prompt. */
export const prompt = noun(promptConfig);

const emptyState = z.strictObject({});

export const createPrompt = (): Starts => ({
  choose: (ids) => ids.map(() => ({ kind: 'prompt' })),
  observe: () => {},
  save: () => ({}),
  restore: (state) => void readState(emptyState, state, 'starts prompt'),
  metrics: () => ({}),
});
