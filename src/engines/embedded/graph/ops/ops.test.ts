import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createRng } from '../../../../core/rng.ts';
import { apply, compile, constant, gradients, input, type Op, type Shape, type Value } from '../graph.ts';
import { type Arrays, openProgram } from '../program.ts';
import { attend } from './attention.ts';
import * as elementwise from './elementwise.ts';
import { gelu } from './gelu.ts';
import { logSoftmax } from './log-softmax.ts';
import { embed, pick } from './lookup.ts';
import { linear, matmul } from './matmul.ts';
import { rmsNorm } from './rms-norm.ts';
import { rotate } from './rotary.ts';
import { expand, reshape, sum, sumTo, transpose } from './shaping.ts';
import { swiglu } from './swiglu.ts';

/** A test case: input shapes, input values, and the expression under test. */
interface Case {
  readonly shapes: readonly Shape[];
  readonly build: (inputs: readonly Value[]) => Value;
  /** Converts a random number in [−1, 1] to the value of an input's element; default: unchanged. */
  readonly value?: (random: number, input: number) => number;
  /** Integer inputs, after the floating-point ones. */
  readonly indices?: readonly { readonly shape: Shape; readonly below: number }[];
}

const size = fc.integer({ min: 1, max: 4 });
const shape = fc.array(size, { minLength: 1, maxLength: 3 });
/** Two shapes that can be broadcast: some axes of each have size 1, and the second may lack leading axes. */
const broadcastPair = fc
  .tuple(shape, fc.infiniteStream(fc.integer({ min: 0, max: 3 })), fc.nat(2))
  .map(([full, dice, dropped]): [Shape, Shape] => {
    const thin = (which: number) => full.map((axis) => (dice.next().value === which ? 1 : axis));
    return [thin(0), thin(1).slice(Math.min(dropped, full.length - 1))];
  });

const unary = (build: (x: Value) => Value) =>
  shape.map((x): Case => ({ shapes: [x], build: ([value]) => build(value!) }));
const binary = (build: (a: Value, b: Value) => Value, value?: Case['value']) =>
  broadcastPair.map((shapes): Case => ({
    shapes,
    build: ([a, b]) => build(a!, b!),
    ...(value && { value }),
  }));
/**
 * Returns multiples of 0.4, shifted by 0.2 for the second input: never near the kink where both are equal.
 */
const apart = (random: number, which: number): number => Math.round(random * 4) * 0.4 + which * 0.2;
const awayFromZero = (random: number): number => (random < 0 ? random - 0.5 : random + 0.5);

const cases: Readonly<Record<string, fc.Arbitrary<Case>>> = {
  add: binary(elementwise.add),
  subtract: binary(elementwise.subtract),
  multiply: binary(elementwise.multiply),
  divide: binary(elementwise.divide, awayFromZero),
  minimum: binary(elementwise.minimum, apart),
  maximum: binary(elementwise.maximum, apart),
  negate: unary(elementwise.negate),
  exp: unary(elementwise.exp),
  tanh: unary(elementwise.tanh),
  gelu: unary((x) => gelu(elementwise.multiply(x, constant(3)))),
  reshape: shape.map((x) => ({ shapes: [x], build: ([value]) => reshape(value!, [...x, 1].toReversed()) })),
  transpose: fc
    .tuple(size, size, size)
    .map((x) => ({ shapes: [x], build: ([value]) => transpose(value!, [2, 0, 1]) })),
  sum: shape.map((x) => ({ shapes: [x], build: ([value]) => sum(value!, [x.length - 1]) })),
  expand: broadcastPair.map(([x]) => ({
    shapes: [x],
    build: ([value]) => expand(value!, [3, ...x.map((axis) => (axis === 1 ? 2 : axis))]),
  })),
  sumTo: broadcastPair.map(([x, target]) => ({
    shapes: [x.map((axis, i) => Math.max(axis, target[i - x.length + target.length] ?? 1))],
    build: ([value]) => sumTo(value!, target),
  })),
  matmul: fc
    .record({
      batch: fc.array(size, { maxLength: 2 }),
      m: size,
      k: size,
      n: size,
      a: fc.boolean(),
      b: fc.boolean(),
    })
    .map(({ batch, m, k, n, a, b }) => ({
      shapes: [
        [...batch, ...(a ? [k, m] : [m, k])],
        [...batch, ...(b ? [n, k] : [k, n])],
      ],
      build: ([left, right]) => matmul(left!, right!, { transposeA: a, transposeB: b, scale: 0.7 }),
    })),
  linear: fc.tuple(size, size, size, fc.boolean()).map(([rows, from, to, hasBias]) => ({
    shapes: [[rows, from], [to, from], ...(hasBias ? [[to]] : [])],
    build: ([x, weight, bias]) => linear(x!, weight!, bias),
  })),
  embed: fc.tuple(size, size, size).map(([rows, columns, count]) => ({
    shapes: [[rows, columns]],
    indices: [{ shape: [count], below: rows }],
    build: ([table, ids]) => embed(table!, ids!),
  })),
  pick: fc.tuple(size, size).map(([rows, columns]) => ({
    shapes: [[rows, columns]],
    indices: [{ shape: [rows, 1], below: columns }],
    build: ([x, columnIds]) => pick(x!, columnIds!),
  })),
  logSoftmax: fc.tuple(size, size).map((x) => ({ shapes: [x], build: ([value]) => logSoftmax(value!) })),
  rmsNorm: fc.tuple(size, size).map(([rows, columns]) => ({
    shapes: [[rows, columns], [columns]],
    value: awayFromZero,
    build: ([x, weight]) => rmsNorm(x!, weight!, 1e-6),
  })),
  swiglu: shape.map((x) => ({ shapes: [x, x], build: ([gate, up]) => swiglu(gate!, up!) })),
  rotate: fc.tuple(size, size, size).map(([batch, positions, heads]) => ({
    shapes: [[batch, positions, heads * 4]],
    build: ([x]) => {
      const table = (of: (angle: number) => number): Value =>
        constant(
          Float32Array.from({ length: positions * 2 }, (_, i) => of(i)),
          [positions, 2],
        );
      return rotate(x!, table(Math.cos), table(Math.sin));
    },
  })),
  'rotate, first part of each head': fc.tuple(size, size, size).map(([batch, positions, heads]) => ({
    shapes: [[batch, positions, heads * 6]],
    build: ([x]) => {
      const table = (of: (angle: number) => number): Value =>
        constant(
          Float32Array.from({ length: positions * 2 }, (_, i) => of(i)),
          [positions, 2],
        );
      return rotate(x!, table(Math.cos), table(Math.sin), 6);
    },
  })),
  attend: fc
    .record({
      batch: size,
      heads: size,
      groups: size,
      positions: size,
      width: size,
      cap: fc.constantFrom(undefined, 0.5, 3),
    })
    .map(({ batch, heads, groups, positions, width, cap }) => {
      const queries = groups * positions;
      const mask = Float32Array.from({ length: queries * positions }, (_, i) => {
        return i % positions > Math.floor(i / positions) % positions ? -1e9 : 0;
      });
      const keys = [batch, heads, positions, width];
      return {
        shapes: [[batch, heads, queries, width], keys, keys],
        build: ([q, k, v]) => attend(q!, k!, v!, constant(mask, [queries, positions]), 0.7, cap),
      };
    }),
};

const product = (sizes: Shape): number => sizes.reduce((total, axis) => total * axis, 1);
const dot = (a: Float32Array, b: Float32Array): number => a.reduce((total, x, i) => total + x * b[i]!, 0);

/**
 * Returns the largest |measured − derived| slope along a random direction of each input, relative to the gradient.
 * Computes the weighted sum of the output in double precision, so that only the op itself rounds to float32.
 */
async function slopeError(
  { shapes, indices = [], build, value = (x) => x }: Case,
  seed: number,
): Promise<number> {
  const rng = createRng(seed, 'op-inputs');
  const random = (count: number): Float32Array =>
    Float32Array.from({ length: count }, () => rng.next() * 2 - 1);
  const reals = shapes.map((own, k) => input(`x${k}`, 'float32', own));
  const result = build([...reals, ...indices.map((own, k) => input(`i${k}`, 'int32', own.shape))]);
  const weights = random(product(result.shape));
  const total = sum(
    reshape(elementwise.multiply(result, constant(weights, result.shape)), [weights.length]),
    [0],
  );
  const slopes = gradients(reshape(total, []), reals, elementwise.add);
  const program = await openProgram(
    compile({ result, ...Object.fromEntries(slopes.map((slope, k) => [`d${k}`, slope])) }),
    1,
  );
  const at: Record<string, Float32Array | Int32Array> = {};
  for (const [k, own] of shapes.entries()) at[`x${k}`] = random(product(own)).map((x) => value(x, k));
  for (const [k, { shape: own, below }] of indices.entries()) {
    at[`i${k}`] = Int32Array.from({ length: product(own) }, () => rng.integer(0, below - 1));
  }
  const run = (feeds: Arrays) => program.run(feeds);
  const derived = await run(at);
  let worst = 0;
  for (const [k, own] of shapes.entries()) {
    const [name, step, direction] = [`x${k}`, 1e-2, random(product(own))];
    const moved = async (by: number): Promise<number> => {
      const there = (at[name] as Float32Array).map((x, i) => x + by * direction[i]!);
      return dot((await run({ ...at, [name]: there }))['result']!, weights);
    };
    const measured = ((await moved(step)) - (await moved(-step))) / (2 * step);
    const gradient = derived[`d${k}`]!;
    const scale = Math.sqrt(dot(gradient, gradient) * dot(direction, direction)) + 0.1;
    worst = Math.max(worst, Math.abs(measured - dot(gradient, direction)) / scale);
  }
  await program.close();
  return worst;
}

describe('derivatives match finite differences', () => {
  test.each(Object.keys(cases))('%s', async (name) => {
    await fc.assert(
      fc.asyncProperty(cases[name]!, fc.nat(1e6), async (example, seed) => {
        expect(await slopeError(example, seed)).toBeLessThan(2e-3);
      }),
      { numRuns: 20 },
    );
  });

  test('the check detects a wrong derivative', async () => {
    const wrong: Op<null> = {
      name: 'wrong',
      shapes: ([x]) => [x!],
      emit: (emitter, { inputs, outputs }) => void emitter.node('Exp', inputs, {}, outputs),
      vjp: (_, gradient) => [gradient],
    };
    const error = await slopeError({ shapes: [[3]], build: (inputs) => apply(wrong, inputs, null) }, 1);
    expect(error).toBeGreaterThan(0.01);
  });
});

test('computes second derivatives correctly', async () => {
  const x = input('x', 'float32', []);
  const cube = elementwise.multiply(x, elementwise.multiply(x, x));
  const [slope] = gradients(cube, [x], elementwise.add);
  const [curvature] = gradients(slope!, [x], elementwise.add);
  const program = await openProgram(compile({ slope: slope!, curvature: curvature! }), 1);
  const results = await program.run({ x: Float32Array.of(3) });
  expect([results['slope']![0], results['curvature']![0]]).toEqual([27, 18]);
});

test('stopGradient passes the value on but not the gradient', async () => {
  const x = input('x', 'float32', [1]);
  const product2 = elementwise.multiply(x, elementwise.stopGradient(x));
  const [slope] = gradients(reshape(product2, []), [x], elementwise.add);
  const program = await openProgram(compile({ slope: slope! }), 1);
  expect((await program.run({ x: Float32Array.of(5) }))['slope']).toEqual(Float32Array.of(5));
});

test('the error for mismatched shapes names the operation', () => {
  const of = (...sizes: number[]): Value => input('x', 'float32', sizes);
  expect(() => matmul(of(2, 3), of(4, 5))).toThrow(
    'matmul: expected equal batch and inner sizes, got [2, 3] and [4, 5]',
  );
  expect(() => elementwise.add(of(2), of(3))).toThrow('add: expected shapes that broadcast, got [2] and [3]');
  expect(() => reshape(of(2, 3), [5])).toThrow('reshape: expected 5 elements for [5], got [2, 3]');
  expect(() => linear(of(2, 3), of(4, 2))).toThrow('linear: expected');
  expect(() => rotate(of(1, 2, 5), of(2, 2), of(2, 2))).toThrow('rotate: expected');
  expect(() => attend(of(1, 1, 2, 4), of(1, 1, 2, 3), of(1, 1, 2, 3), of(2, 2), 1)).toThrow(
    'attend: expected',
  );
});
