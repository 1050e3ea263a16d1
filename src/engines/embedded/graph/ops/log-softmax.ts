import { apply, type Op, type Value } from '../graph.ts';
import { exp, multiply, subtract } from './elementwise.ts';
import { sum } from './shaping.ts';

const logSoftmaxOp: Op<null> = {
  name: 'logSoftmax',
  shapes: ([x]) => (x!.length === 2 ? [x!] : 'a matrix [rows, classes]'),
  emit: (emitter, { inputs, outputs }) => void emitter.node('LogSoftmax', inputs, { axis: -1 }, outputs),
  vjp: ({ outputs: [result] }, gradient) => [subtract(gradient, multiply(exp(result!), sum(gradient, [1])))],
};

/** Returns x − log Σ eˣ along each row. */
export function logSoftmax(x: Value): Value {
  return apply(logSoftmaxOp, [x], null);
}
