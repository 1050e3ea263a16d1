import { extendTranscript, type Transcript } from '../../core/transcript.ts';
import type { Completion } from '../engine.ts';
import type { FinishedSequence } from './sampling-job.ts';
import type { PreparedSampling } from './sampling-request.ts';

/**
 * Returns a function that converts a sampler's output to a completion, which extends the transcript of the
 * prompt.
 */
export const completionMaker =
  ({ job, given }: PreparedSampling, decode: (tokens: Int32Array) => string) =>
  ({ prompt, index, ...written }: FinishedSequence & { readonly policyVersion: number }): Completion => ({
    type: 'completion',
    key: job.prompts[prompt]!.key,
    index,
    transcript: extendTranscript(given[prompt] as Transcript, written, decode),
  });
