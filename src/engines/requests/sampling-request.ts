import { EngineError } from '../../core/errors.ts';
import type { Message } from '../../core/problem.ts';
import type { SampleRequest } from '../engine.ts';
import type { SamplingJob, SamplingPrompt } from './sampling-job.ts';

/** What a request is checked against. */
export interface SamplingLimits {
  readonly vocabSize: number;
  readonly maxSequenceTokens: number;
  readonly encode: (prompt: readonly Message[]) => Int32Array;
}

/** Checks a request and fills in its defaults. Throws an `EngineError` (code `BAD_REQUEST`) naming what is wrong. */
export function samplingJob(request: SampleRequest, limits: SamplingLimits): SamplingJob {
  const { temperature = 1, topP = 1, topK = 0, stop = [], maxTokens, seed } = request;
  const count = (value: number): boolean => Number.isInteger(value) && value >= 0;
  expect(count(maxTokens) && maxTokens > 0, 'maxTokens to be a whole number of at least 1', maxTokens);
  expect(temperature >= 0 && temperature < Infinity, 'temperature to be at least 0', temperature);
  expect(topP > 0 && topP <= 1, 'topP to be above 0 and at most 1', topP);
  expect(count(topK), 'topK to be a whole number of at least 0', topK);
  expect(Number.isFinite(seed), 'seed to be a number', seed);
  expect(!stop.includes(''), 'stop strings not to be empty', stop);
  const prompts = request.prompts.map(({ key, prompt, count: wanted, firstIndex = 0 }): SamplingPrompt => {
    expect(count(wanted), `count of prompt "${key}" to be a whole number of at least 0`, wanted);
    expect(count(firstIndex), `firstIndex of prompt "${key}" to be a whole number of at least 0`, firstIndex);
    const tokens = prompt instanceof Int32Array ? prompt : limits.encode(prompt);
    checkPrompt(key, tokens, limits);
    return { key, tokens, firstIndex, count: wanted };
  });
  return { prompts, maxTokens, temperature, topP, topK, stop, seed, isWatched: request.onPart !== undefined };
}

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

/** A lane's part of a job; `origin[i]` is the place in the whole job of its prompt i. */
export interface JobShare {
  readonly job: SamplingJob;
  readonly origin: readonly number[];
}

/**
 * Splits a job over lanes by the order of its prompts alone: prompts go round the lanes, and where there are few
 * prompts for the lanes each one's completions are divided.
 */
export function shareJob(job: SamplingJob, lanes: number): JobShare[] {
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

function sliceOf(prompt: SamplingPrompt, part: number, parts: number): SamplingPrompt {
  const at = (share: number): number => Math.floor((prompt.count * share) / parts);
  return { ...prompt, firstIndex: prompt.firstIndex + at(part), count: at(part + 1) - at(part) };
}
