import { expect, test } from 'vitest';
import { input, compile } from './graph.ts';
import { exp, multiply, negate, tanh } from './ops/elementwise.ts';
import { reshape, sumAll } from './ops/shaping.ts';
import { openProgram } from './program.ts';

const x = input('x', 'float32', [100]);

test('counts a value from the node that computes it to the last node that reads it', () => {
  // exp(x), −exp(x) and their product exist at the same time.
  const power = exp(x);
  expect(compile({ y: sumAll(multiply(power, negate(power))) }).bytes).toBe(3 * 400);
});

test('shares the buffers of reshaped values and of operators that overwrite their input', () => {
  expect(compile({ y: sumAll(reshape(exp(x), [10, 10])) }).bytes).toBe(400 + 4);
  expect(compile({ y: sumAll(tanh(exp(x))) }).bytes).toBe(400 + 4);
  // A result with another reader must not be overwritten.
  const power = exp(x);
  expect(compile({ y: sumAll(multiply(tanh(power), power)) }).bytes).toBe(3 * 400);
});

test('counts no memory for outputs, which the caller provides', () => {
  expect(compile({ y: exp(x) }).bytes).toBe(0);
});

test('uses a free buffer of the same shape before a new one', () => {
  // The third result fits into the buffer of the first.
  expect(compile({ y: sumAll(negate(negate(negate(exp(x))))) }).bytes).toBe(2 * 400);
});

test('frees copies of outputs that the caller provided, and keeps the others', async () => {
  const program = await openProgram(compile({ y: exp(x), z: negate(x) }), 1);
  const y = new Float32Array(100);
  const results = await program.run({ x: new Float32Array(100) }, { y });
  expect([...y]).toEqual(Array<number>(100).fill(1));
  expect(results['y']).toBe(y);
  expect(results['z']).toHaveLength(100);
  await program.close();
});
