import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { applyAdamW, gradientNorm } from './adamw.ts';
import type { ParameterLayout } from '../parameters.ts';

const layout: ParameterLayout = {
  entries: [
    { name: 'matrix', shape: [2, 1], offset: 0, length: 2, decay: true },
    { name: 'bias', shape: [1], offset: 2, length: 1, decay: false },
  ],
  length: 3,
};

/** Reference implementation: updates one weight as documented for `torch.optim.AdamW`, in double precision. */
function torchAdamW(weight: number, gradients: readonly number[], decay: number, rate: number): number {
  let [w, m, v] = [weight, 0, 0];
  for (const [index, gradient] of gradients.entries()) {
    w -= rate * decay * w;
    m = 0.9 * m + 0.1 * gradient;
    v = 0.999 * v + 0.001 * gradient * gradient;
    const mean = m / (1 - 0.9 ** (index + 1));
    const square = v / (1 - 0.999 ** (index + 1));
    w -= (rate * mean) / (Math.sqrt(square) + 1e-8);
  }
  return w;
}

test("agrees with PyTorch's formula over several steps and exempts biases from weight decay", () => {
  const real = fc.double({ min: -3, max: 3, noNaN: true }).filter((x) => x === 0 || Math.abs(x) > 1e-3);
  const triple = fc.tuple(real, real, real);
  fc.assert(
    fc.property(triple, fc.array(triple, { minLength: 1, maxLength: 5 }), (start, gradients) => {
      const weights = Float32Array.from(start);
      const moments = { firstMoment: new Float32Array(3), secondMoment: new Float32Array(3) };
      for (const [index, values] of gradients.entries()) {
        const gradient = Float32Array.from(values);
        const settings = { learningRate: 0.01, weightDecay: 0.1 };
        const update = {
          weights,
          gradient,
          ...moments,
          settings,
          step: index + 1,
          norm: gradientNorm(gradient),
        };
        // Split inside the matrix, because ranges need not end at tensor boundaries.
        for (const [from, to] of [
          [0, 1],
          [1, 3],
        ] as const)
          applyAdamW(layout, { ...update, from, to });
      }
      for (let i = 0; i < 3; i++) {
        const path = gradients.map((values) => Math.fround(values[i]!));
        const expected = torchAdamW(Math.fround(start[i]!), path, i < 2 ? 0.1 : 0, 0.01);
        expect(Math.abs(weights[i]! - expected)).toBeLessThan(1e-5);
      }
    }),
  );
});

test('scales the gradient down to maxGradNorm before updating the moments, but never up', () => {
  const step = (gradient: Float32Array, maxGradNorm: number): Float32Array => {
    const firstMoment = new Float32Array(3);
    applyAdamW(layout, {
      weights: new Float32Array(3),
      gradient,
      firstMoment,
      secondMoment: new Float32Array(3),
      from: 0,
      to: 3,
      settings: { learningRate: 0.01, beta1: 0, maxGradNorm },
      step: 1,
      norm: gradientNorm(gradient),
    });
    return firstMoment;
  };
  expect(gradientNorm(step(Float32Array.of(30, 40, 0), 1))).toBeCloseTo(1, 5);
  expect(step(Float32Array.of(0.3, 0.4, 0), 1)).toEqual(Float32Array.of(0.3, 0.4, 0));
});
