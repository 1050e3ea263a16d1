import { extendTranscript, type Transcript } from '../../core/transcript.ts';
import type { Completion } from '../engine.ts';
import type { FinishedSequence } from './sampling-job.ts';
import type { PreparedSampling } from './sampling-request.ts';

/** Converts a sampler's output to completions: the transcript of the prompt, extended. */
export const completionMaker =
  ({ job, given }: PreparedSampling, decode: (tokens: Int32Array) => string) =>
  ({ prompt, index, ...written }: FinishedSequence & { readonly policyVersion: number }): Completion => ({
    type: 'completion',
    key: job.prompts[prompt]!.key,
    index,
    transcript: extendTranscript(given[prompt] as Transcript, written, decode),
  });
