import { EngineError } from '../../core/errors.ts';
import { compile, input } from './graph/graph.ts';
import { add } from './graph/ops/elementwise.ts';
import { matmul } from './graph/ops/matmul.ts';
import { openProgram } from './graph/program.ts';

/**
 * Checks that the runtime loads on this machine and computes a small matrix product correctly.
 *
 * @throws EngineError, or an error of the runtime, if a check fails.
 */
export async function testRuntime(): Promise<void> {
  const a = input('a', 'float32', [2, 2]);
  const b = input('b', 'float32', [2, 2]);
  const program = await openProgram(compile({ sum: add(matmul(a, b), a) }), 1);
  try {
    const { sum } = await program.run({ a: Float32Array.of(1, 2, 3, 4), b: Float32Array.of(5, 6, 7, 8) });
    const expected = [20, 24, 46, 54];
    if (expected.every((value, index) => sum?.[index] === value)) return;
    throw new EngineError(
      `ONNX Runtime: expected the matrix product ${expected.join(', ')}, got ${sum?.join(', ')}`,
    );
  } finally {
    await program.close();
  }
}
