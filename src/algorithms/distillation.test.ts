import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { extendTranscript, givenTranscript, type Transcript } from '../core/transcript.ts';
import { buildDistillationBatch } from './distillation.ts';

/** Returns a transcript with one given token, followed by written tokens with these log-probabilities. */
const transcriptOf = (logprobs: readonly number[]): Transcript =>
  extendTranscript(
    givenTranscript([], new Int32Array([7])),
    {
      tokens: Int32Array.from(logprobs, (_, i) => i),
      logprobs: Float32Array.from(logprobs),
      finishReason: 'stop',
      policyVersion: 0,
    },
    () => '',
  );

test('gives all written tokens the same weight, and given tokens weight 0', () => {
  const transcripts = [transcriptOf([-1, -2]), transcriptOf([-3])];
  const teacher = [Float32Array.of(0, -1.5, -1), Float32Array.of(0, -8)];
  const { sequences, kl, tokens } = buildDistillationBatch(transcripts, teacher, 2);
  expect(tokens).toBe(3);
  expect(kl).toBeCloseTo((0.5 - 1 + 5) / 3);
  expect(sequences.map(({ weights }) => [...weights])).toEqual([
    [0, Math.fround(1 / 3), Math.fround(1 / 3)],
    [0, Math.fround(1 / 3)],
  ]);
  // The last token's advantage, −5, is clipped.
  expect(sequences.map(({ advantages }) => [...advantages])).toEqual([
    [0, -0.5, 1],
    [0, -2],
  ]);
});

test('the expected update is the gradient of the reverse KL', () => {
  const logits = fc.array(fc.double({ min: -2, max: 2, noNaN: true }), { minLength: 3, maxLength: 3 });
  fc.assert(
    fc.property(logits, logits, (theta, teacher) => {
      const softmax = (values: readonly number[]): number[] => {
        const total = values.reduce((sum, value) => sum + Math.exp(value), 0);
        return values.map((value) => Math.exp(value) / total);
      };
      const q = softmax(teacher);
      const kl = (values: readonly number[]): number =>
        softmax(values).reduce((sum, p, v) => sum + p * Math.log(p / q[v]!), 0);
      const p = softmax(theta);
      // The loss −A · log π of each token, weighted by the probability that the policy writes it.
      const expected = theta.map((_, at) =>
        p.reduce((sum, share, v) => {
          const written = [transcriptOf([Math.log(share)])];
          const { sequences } = buildDistillationBatch(written, [Float32Array.of(0, Math.log(q[v]!))], null);
          const advantage = sequences[0]!.advantages[1]!;
          return sum - share * advantage * (Number(v === at) - p[at]!);
        }, 0),
      );
      const step = 1e-4;
      const numeric = theta.map((_, at) => {
        const moved = (by: number) => theta.map((value, i) => (i === at ? value + by : value));
        return (kl(moved(step)) - kl(moved(-step))) / (2 * step);
      });
      for (const [at, slope] of numeric.entries()) expect(expected[at]).toBeCloseTo(slope, 4);
    }),
    { numRuns: 40 },
  );
});
