import { expect, test } from 'vitest';
import {
  extendTranscript,
  giveToTranscript,
  givenTranscript,
  type Transcript,
} from '../../../core/transcript.ts';
import { KeptPasts } from './kept-pasts.ts';
import type { Past } from './key-value-cache.ts';

const bytesEach = 4 * 10;
const pastOf = (length: number): Past => ({ length, keyValues: [new Float32Array(10)] });

function transcriptOf(prompt: number[], written: number[]): Transcript {
  const continuation = {
    tokens: Int32Array.from(written),
    logprobs: new Float32Array(written.length),
    policyVersion: 0,
    finishReason: 'stop' as const,
  };
  return extendTranscript(givenTranscript([], Int32Array.from(prompt)), continuation, () => '');
}

test('finds what was kept for a transcript after tokens were given to it, once', () => {
  const kept = new KeptPasts(1000);
  const stopped = transcriptOf([1, 2], [3, 4]);
  const past = pastOf(3);
  kept.keep(stopped, 7, past);
  expect(kept.bytes).toBe(bytesEach);
  const given = giveToTranscript(stopped, Int32Array.of(9, 9), []);
  expect(kept.take(given, 7)).toBe(past);
  expect(kept.take(given, 7)).toBeUndefined();
  expect(kept.bytes).toBe(0);
});

test('finds nothing for other tokens, another prompt length, other weights or an unwritten transcript', () => {
  const kept = new KeptPasts(1000);
  kept.keep(transcriptOf([1, 2], [3, 4]), 7, pastOf(3));
  expect(kept.take(transcriptOf([1, 2], [3, 5]), 7)).toBeUndefined();
  expect(kept.take(transcriptOf([1], [2, 3, 4]), 7)).toBeUndefined();
  expect(kept.take(transcriptOf([1, 2], [3, 4]), 8)).toBeUndefined();
  expect(kept.take(givenTranscript([], Int32Array.of(1, 2, 3, 4)), 7)).toBeUndefined();
  expect(kept.bytes).toBe(bytesEach);
});

test('drops the oldest above its limit, and everything of a version', () => {
  const kept = new KeptPasts(2 * bytesEach + 1);
  const transcripts = [1, 2, 3].map((token) => transcriptOf([token], [4]));
  for (const one of transcripts) kept.keep(one, 1, pastOf(1));
  expect(kept.bytes).toBe(2 * bytesEach);
  expect(kept.take(transcripts[0]!, 1)).toBeUndefined();
  expect(kept.take(transcripts[1]!, 1)).toBeDefined();
  kept.keep(transcripts[0]!, 2, pastOf(1));
  kept.dropVersion(1);
  expect(kept.bytes).toBe(bytesEach);
  expect(kept.take(transcripts[0]!, 2)).toBeDefined();
  const tight = new KeptPasts(bytesEach - 1);
  tight.keep(transcripts[0]!, 1, pastOf(1));
  expect(tight.bytes).toBe(0);
});
