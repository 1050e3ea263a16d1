import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import * as ort from 'onnxruntime-node';
import { type Attribute, encodeModel, type OnnxConstant } from './onnx.ts';

/** Loads a model with one node that reads `x` [n], and runs it. */
async function runNode(
  type: string,
  attributes: Record<string, Attribute>,
  x: Float32Array,
  constants: readonly OnnxConstant[] = [],
): Promise<Float32Array> {
  const model = encodeModel({
    inputs: [{ name: 'x', type: 'float32', shape: ['n'] }],
    outputs: [{ name: 'y', type: 'float32', shape: ['m'] }],
    constants,
    nodes: [{ type, inputs: ['x', ...constants.map(({ name }) => name)], outputs: ['y'], attributes }],
  });
  const session = await ort.InferenceSession.create(model, { logSeverityLevel: 3 });
  const { y } = await session.run({ x: new ort.Tensor('float32', x, [x.length]) });
  await session.release();
  return y!.data as Float32Array;
}

test('passes floating-point attributes to the runtime exactly as float32', async () => {
  await fc.assert(
    fc.asyncProperty(fc.float({ min: 0.125, max: 100, noNaN: true }), async (alpha) => {
      const [result] = await runNode('LeakyRelu', { alpha: { float: alpha } }, Float32Array.of(-1));
      expect(result).toBe(-Math.fround(alpha));
    }),
    { numRuns: 20 },
  );
});

test('encodes integer attributes and constants of any size and sign', async () => {
  const x = Float32Array.of(1, 2, 3);
  const joined = (extra: Float32Array, axis: number) =>
    runNode('Concat', { axis }, x, [{ name: 'c', type: 'float32', shape: [extra.length], data: extra }]);
  expect(await joined(Float32Array.of(4), -1)).toEqual(Float32Array.of(1, 2, 3, 4));
  const long = new Float32Array(300).map((_, i) => i);
  expect((await joined(long, 0)).subarray(3)).toEqual(long);
  const bound = (name: string, value: bigint): OnnxConstant => ({
    name,
    type: 'int64',
    shape: [1],
    data: BigInt64Array.of(value),
  });
  expect(await runNode('Slice', {}, x, [bound('start', -2n), bound('end', 2n ** 62n)])).toEqual(
    Float32Array.of(2, 3),
  );
});

test('encodes lists and text as attributes', async () => {
  const squared = await runNode('Einsum', { equation: 'i,i->i' }, Float32Array.of(2, 3), [
    { name: 'c', type: 'float32', shape: [2], data: Float32Array.of(2, 3) },
  ]);
  expect(squared).toEqual(Float32Array.of(4, 9));
  expect(await runNode('Transpose', { perm: [0] }, Float32Array.of(1, 2))).toEqual(Float32Array.of(1, 2));
});
