import { apply, type Op, type Value } from '../graph.ts';

/** Ops that read by index. Indices are int32 and have no gradient. */

const embedOp: Op<null> = {
  name: 'embed',
  shapes: ([table, ids]) =>
    table!.length === 2 && ids!.length === 1
      ? [[ids![0]!, table![1]!]]
      : 'table [rows, size] and ids [count]',
  emit: (emitter, { inputs, outputs }) => void emitter.node('Gather', inputs, { axis: 0 }, outputs),
  vjp: ({ inputs: [table, ids] }, gradient) => [
    apply(scatterRowsOp, [gradient, ids!], { rows: table!.shape[0]! }),
    null,
  ],
};

/** Returns row `ids[i]` of the table for each i. */
export function embed(table: Value, ids: Value): Value {
  return apply(embedOp, [table, ids], null);
}

/** The runtime adds rows sequentially in index order, so the sum is the same on every run. */
const scatterRowsOp: Op<{ rows: number }> = {
  name: 'scatterRows',
  shapes: ([x], { rows }) => [[rows, x![1]!]],
  emit(emitter, { inputs: [x, ids], outputs }, { inputs: [value], attributes: { rows } }) {
    const [count = 0, size = 0] = value!.shape;
    const zeros = emitter.node('ConstantOfShape', [emitter.integers([rows, size])]);
    const column = emitter.node('Unsqueeze', [ids!, emitter.integers([1])]);
    const indices = emitter.node('Expand', [column, emitter.integers([count, size])]);
    emitter.node('ScatterElements', [zeros, indices, x!], { axis: 0, reduction: 'add' }, outputs);
  },
  vjp: ({ inputs: [, ids] }, gradient) => [embed(gradient, ids!), null],
};

const pickOp: Op<null> = {
  name: 'pick',
  shapes: ([x, columns]) =>
    x!.length === 2 && columns!.length === 2 && columns![0] === x![0] && columns![1] === 1
      ? [[x![0]!, 1]]
      : 'x [rows, columns] and indices [rows, 1]',
  emit: (emitter, { inputs, outputs }) => void emitter.node('GatherElements', inputs, { axis: 1 }, outputs),
  vjp: ({ inputs: [x, columns] }, gradient) => [
    apply(spreadOp, [gradient, columns!], { columns: x!.shape[1]! }),
    null,
  ],
};

/** Returns element `columns[i]` of each row i: [rows, columns] and [rows, 1] to [rows, 1]. */
export function pick(x: Value, columns: Value): Value {
  return apply(pickOp, [x, columns], null);
}

const spreadOp: Op<{ columns: number }> = {
  name: 'spread',
  shapes: ([x], { columns }) => [[x![0]!, columns]],
  emit(emitter, { inputs: [x, indices], outputs }, { inputs: [value], attributes: { columns } }) {
    const zeros = emitter.node('ConstantOfShape', [emitter.integers([value!.shape[0]!, columns])]);
    emitter.node('ScatterElements', [zeros, indices!, x!], { axis: 1 }, outputs);
  },
  vjp: ({ inputs: [, indices] }, gradient) => [pick(gradient, indices!), null],
};
