import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { createTokenChooser } from './choose-token.ts';

const logitsOf = fc.array(fc.float({ min: -20, max: 20, noNaN: true }), { minLength: 1, maxLength: 40 });
const uniformOf = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
const everything = { temperature: 1, topP: 1, topK: 0 };

/**
 * Reference implementation: computes the distribution by definition, most probable token first; among equals, smaller
 * id first.
 */
function ranked(logits: readonly number[], temperature: number): { token: number; probability: number }[] {
  const largest = Math.max(...logits);
  const powers = logits.map((logit) => Math.exp((logit - largest) / temperature));
  const total = powers.reduce((sum, power) => sum + power, 0);
  // Sort before the division, which may round two different exponentials to the same probability.
  return powers
    .map((power, token) => ({ token, power, probability: power / total }))
    .toSorted((a, b) => b.power - a.power || a.token - b.token);
}

test('returns log-probability and entropy of the full softmax at the temperature', () => {
  fc.assert(
    fc.property(
      logitsOf,
      uniformOf,
      fc.double({ min: 0.2, max: 3, noNaN: true }),
      (values, uniform, temperature) => {
        const chooser = createTokenChooser(values.length, { temperature, topP: 0.5, topK: 3 });
        const token = chooser.choose(Float32Array.from(values), 0, uniform);
        const { probability } = ranked(values, temperature).find((one) => one.token === token)!;
        expect(chooser.logprob).toBeCloseTo(Math.log(probability), 6);
        const entropy = ranked(values, temperature).reduce(
          (sum, one) => sum - (one.probability === 0 ? 0 : one.probability * Math.log(one.probability)),
          0,
        );
        expect(chooser.entropy).toBeCloseTo(entropy, 6);
      },
    ),
  );
});

test('draws only tokens within top-p and top-k', () => {
  const filters = fc.record({
    topP: fc.double({ min: 0.01, max: 1, noNaN: true }),
    topK: fc.integer({ min: 0, max: 45 }),
  });
  const examples: [number[], number, { topP: number; topK: number }][] = [
    [[0, 0, 5.551115784870273e-17], 0, { topP: 0.01, topK: 0 }],
  ];
  fc.assert(
    fc.property(logitsOf, uniformOf, filters, (values, uniform, { topP, topK }) => {
      const chooser = createTokenChooser(values.length, { temperature: 1, topP, topK });
      const token = chooser.choose(Float32Array.from(values), 0, uniform);
      const order = ranked(values, 1);
      const rank = order.findIndex((one) => one.token === token);
      expect(rank).toBeLessThan(topK === 0 ? Infinity : topK);
      const massBefore = order.slice(0, rank).reduce((sum, { probability }) => sum + probability, 0);
      expect(massBefore).toBeLessThanOrEqual(topP + 1e-9);
    }),
    { examples },
  );
});

test('draws tokens with frequencies that match the probabilities, with and without top-p and top-k', () => {
  const logits = Float32Array.from([0.3, -1, 2, 2, -5]);
  for (const settings of [
    everything,
    { temperature: 1, topP: 0.999_999, topK: 0 },
    { temperature: 2, topP: 1, topK: 3 },
  ]) {
    const chooser = createTokenChooser(5, settings);
    const draws = 20_000;
    const counts = new Float64Array(5);
    for (let i = 0; i < draws; i++) counts[chooser.choose(logits, 0, (i + 0.5) / draws)]!++;
    const kept = ranked([...logits], settings.temperature).slice(0, settings.topK === 0 ? 5 : settings.topK);
    const mass = kept.reduce((sum, { probability }) => sum + probability, 0);
    for (const { token, probability } of kept)
      expect(counts[token]! / draws).toBeCloseTo(probability / mass, 3);
  }
});

test('greedy choice picks the first of the largest logits, and reports its probability at temperature 1', () => {
  const chooser = createTokenChooser(4, { temperature: 0, topP: 1, topK: 0 });
  expect(chooser.choose(Float32Array.from([9, 1, 3, 3, 0]), 1, 0.99)).toBe(1);
  expect(chooser.logprob).toBeCloseTo(-Math.log(2 + Math.exp(-2) + Math.exp(-3)), 6);
});

test('ignores impossible tokens in the entropy', () => {
  const chooser = createTokenChooser(3, everything);
  chooser.choose(Float32Array.from([1, -Infinity, 1]), 0, 0.5);
  expect(chooser.entropy).toBeCloseTo(Math.log(2), 12);
});

test('rejects non-finite logits', () => {
  for (const bad of [NaN, Infinity]) {
    const chooser = createTokenChooser(3, everything);
    expect(() => chooser.choose(Float32Array.from([0, bad, 1]), 0, 0.5)).toThrow(/finite logits/);
  }
});
