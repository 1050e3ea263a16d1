import { EngineError } from '../../core/errors.ts';
import type { Message } from '../../core/problem.ts';
import {
  givenTranscript,
  openTurnLength,
  promptLength,
  type Transcript,
  writtenCount,
} from '../../core/transcript.ts';
import type { SamplePrompt, SampleRequest } from '../engine.ts';
import type { SamplingJob, SamplingPrompt } from './sampling-job.ts';

/** Limits for checking requests. */
export interface SamplingLimits {
  readonly vocabSize: number;
  readonly maxSequenceTokens: number;
  readonly render: (prompt: readonly Message[]) => Int32Array;
}

/** A checked request: the job, and the transcript of each prompt. */
export interface PreparedSampling {
  readonly job: SamplingJob;
  readonly given: readonly Transcript[];
}

/**
 * Checks a request and fills in its defaults. Throws an `EngineError` (code `BAD_REQUEST`) naming the invalid field.
 */
export function samplingJob(request: SampleRequest, limits: SamplingLimits): PreparedSampling {
  const { temperature = 1, topP = 1, topK = 0, stop = [], maxTokens, seed } = request;
  const count = (value: number): boolean => Number.isInteger(value) && value >= 0;
  expect(count(maxTokens) && maxTokens > 0, 'maxTokens to be a whole number of at least 1', maxTokens);
  expect(temperature >= 0 && temperature < Infinity, 'temperature to be at least 0', temperature);
  expect(topP > 0 && topP <= 1, 'topP to be above 0 and at most 1', topP);
  expect(count(topK), 'topK to be a whole number of at least 0', topK);
  expect(Number.isFinite(seed), 'seed to be a number', seed);
  expect(!stop.includes(''), 'stop strings not to be empty', stop);
  const given = request.prompts.map(({ prompt }) => transcriptOf(prompt, limits));
  const prompts = request.prompts.map(({ key, count: wanted, firstIndex = 0 }, place): SamplingPrompt => {
    expect(count(wanted), `count of prompt "${key}" to be a whole number of at least 0`, wanted);
    expect(count(firstIndex), `firstIndex of prompt "${key}" to be a whole number of at least 0`, firstIndex);
    const transcript = given[place]!;
    checkPrompt(key, transcript.tokens, limits);
    const firstPosition = writtenCount(transcript);
    const openTurn = openTurnLength(transcript);
    return {
      key,
      tokens: transcript.tokens,
      promptLength: promptLength(transcript),
      firstPosition,
      openTurn,
      firstIndex,
      count: wanted,
    };
  });
  const { parts = false, isContinued = false } = request;
  return { job: { prompts, maxTokens, temperature, topP, topK, stop, seed, parts, isContinued }, given };
}

/** Builds the transcript of a prompt. */
function transcriptOf(prompt: SamplePrompt['prompt'], { render }: SamplingLimits): Transcript {
  if (prompt instanceof Int32Array) return givenTranscript([], prompt);
  return isTranscript(prompt) ? prompt : givenTranscript(prompt, render(prompt));
}

/** Returns whether a prompt is a transcript, not messages or tokens. */
export const isTranscript = (prompt: SamplePrompt['prompt']): prompt is Transcript => 'written' in prompt;

function checkPrompt(
  key: string,
  tokens: Int32Array,
  { vocabSize, maxSequenceTokens }: SamplingLimits,
): void {
  const { length } = tokens;
  expect(length > 0, `prompt "${key}" to have at least one token`, length);
  expect(
    length < maxSequenceTokens,
    `prompt "${key}" to be shorter than ${maxSequenceTokens} tokens`,
    length,
  );
  const stranger = tokens.find((token) => token < 0 || token >= vocabSize);
  expect(stranger === undefined, `tokens of prompt "${key}" to be below ${vocabSize}`, stranger);
}

function expect(isRight: boolean, expected: string, got: unknown): void {
  if (isRight) return;
  throw new EngineError(`sample: expected ${expected}, got ${JSON.stringify(got)}`, { code: 'BAD_REQUEST' });
}

/** A lane's part of a job; `origin[i]` is the index of its prompt i in the complete job. */
export interface JobShare<Prompt extends SamplingPrompt> {
  readonly job: SamplingJob<Prompt>;
  readonly origin: readonly number[];
}

/**
 * Divides a job among lanes: assigns its prompts round-robin or, with fewer prompts than lanes, divides the completions
 * of each prompt. Depends only on the order of the prompts.
 */
export function shareJob<Prompt extends SamplingPrompt>(
  job: SamplingJob<Prompt>,
  lanes: number,
): JobShare<Prompt>[] {
  const isFine = job.prompts.length < 4 * lanes;
  return Array.from({ length: lanes }, (_, lane) => {
    const origin = [...job.prompts.keys()].filter((prompt) => isFine || prompt % lanes === lane);
    const prompts = origin.map((prompt) => {
      const whole = job.prompts[prompt]!;
      return isFine ? sliceOf(whole, lane, lanes) : whole;
    });
    return { job: { ...job, prompts }, origin };
  });
}

function sliceOf<Prompt extends SamplingPrompt>(prompt: Prompt, part: number, parts: number): Prompt {
  const at = (share: number): number => Math.floor((prompt.count * share) / parts);
  return { ...prompt, firstIndex: prompt.firstIndex + at(part), count: at(part + 1) - at(part) };
}
