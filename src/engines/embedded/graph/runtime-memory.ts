import type { OnnxNode } from './onnx.ts';

/** A program as the runtime sees it. */
export interface RuntimeGraph {
  readonly nodes: readonly OnnxNode[];
  /** Shapes of all values that nodes compute, by name; 4 bytes per element. */
  readonly shapes: ReadonlyMap<string, readonly number[]>;
  /** Names of the program's outputs, whose memory the caller provides. */
  readonly outputs: ReadonlySet<string>;
}

/** Operators whose result is their first input in another shape. The runtime always shares its buffer. */
const aliases = new Set(['Reshape', 'Identity', 'Unsqueeze']);

/** Operators that overwrite their first input if it has the shape of the result and no other node needs it. */
const inPlace = new Set(['Softmax', 'LogSoftmax', 'ScatterElements', 'Cast', 'Tanh', 'Sigmoid']);

/** A buffer, in use from the node at index `from` to the node at index `to` of the execution order. */
interface Buffer {
  readonly bytes: number;
  readonly from: number;
  to: number;
}

/**
 * Computes the memory that ONNX Runtime needs at most for the values within a run, in bytes, by its own rules: the order
 * of execution, and the sharing of buffers. Excludes inputs, constants, outputs and memory within kernels.
 */
export function runtimeBytes(graph: RuntimeGraph): number {
  const order = executionOrder(graph.nodes);
  const changes = Array.from({ length: order.length + 1 }, () => ({ taken: 0, freed: 0 }));
  for (const { bytes, from, to } of shareBuffers(graph, order)) {
    changes[from]!.taken += bytes;
    changes[to]!.freed += bytes;
  }
  let [live, peak] = [0, 0];
  for (const { taken, freed } of changes) {
    live += taken;
    peak = Math.max(peak, live);
    live -= freed;
  }
  return peak;
}

/**
 * Returns the nodes in the runtime's order: a depth-first search, each node after its inputs, from the nodes whose
 * results no node reads. Visits the last of these nodes first, and of each node the last input.
 */
function executionOrder(nodes: readonly OnnxNode[]): OnnxNode[] {
  const maker = new Map(nodes.flatMap((node, index) => node.outputs.map((name) => [name, index] as const)));
  const inputsOf = nodes.map((node) =>
    [...new Set(node.inputs.flatMap((name) => maker.get(name) ?? []))].toSorted((a, b) => a - b),
  );
  const isRead = new Set(inputsOf.flat());
  const stack = [...nodes.keys()].filter((index) => !isRead.has(index));
  const entered = new Set<number>();
  const ordered: OnnxNode[] = [];
  while (stack.length > 0) {
    const index = stack.pop()!;
    if (index < 0) {
      ordered.push(nodes[~index]!);
    } else if (!entered.has(index)) {
      entered.add(index);
      stack.push(~index, ...inputsOf[index]!.filter((before) => !entered.has(before)));
    }
  }
  return ordered;
}

/**
 * Assigns buffers to values like the runtime's planner: the buffer of an input if the operator allows it, else the most
 * recently unused buffer of the same shape, else a new one. A buffer stays allocated until its last use by any value.
 */
function shareBuffers({ shapes, outputs }: RuntimeGraph, order: readonly OnnxNode[]): Buffer[] {
  const uses = new Map<string, number>();
  const addUses = (name: string, count: number): number => {
    const total = (uses.get(name) ?? 0) + count;
    uses.set(name, total);
    return total;
  };
  for (const { inputs } of order) for (const name of inputs) addUses(name, 1);
  // Buffers are named after their first value. Inputs, constants and outputs of the program have none.
  const ownerOf = new Map<string, string>();
  const buffers = new Map<string, Buffer>();
  const keyOf = (name: string): string => String(shapes.get(name));
  let unused: string[] = [];
  for (const [at, { type, inputs, outputs: made }] of order.entries()) {
    for (const name of made) {
      if (outputs.has(name)) continue;
      const shared = findInput(type, inputs, name) ?? takeUnused(name);
      if (shared === undefined) {
        const elements = shapes.get(name)!.reduce((product, size) => product * size, 1);
        buffers.set(name, { bytes: 4 * elements, from: at, to: order.length });
        ownerOf.set(name, name);
      } else {
        const owner = ownerOf.get(shared);
        if (owner === undefined) continue;
        ownerOf.set(name, owner);
        addUses(owner, uses.get(name) ?? 0);
      }
    }
    for (const name of [...inputs, ...made.filter((one) => !uses.has(one))]) {
      const owner = ownerOf.get(name);
      if (owner === undefined || addUses(owner, uses.has(name) ? -1 : 0) > 0) continue;
      buffers.get(owner)!.to = at;
      unused = [owner, ...unused];
    }
  }
  return [...buffers.values()];

  function findInput(type: string, [input]: readonly string[], name: string): string | undefined {
    if (input === undefined || aliases.has(type)) return input;
    const owner = ownerOf.get(input);
    const isFree = owner !== undefined && uses.get(owner) === 1 && keyOf(input) === keyOf(name);
    return inPlace.has(type) && isFree ? input : undefined;
  }

  function takeUnused(name: string): string | undefined {
    if (shapes.get(name)!.length === 0) return undefined;
    const at = unused.findIndex((owner) => keyOf(owner) === keyOf(name));
    return at < 0 ? undefined : unused.splice(at, 1)[0];
  }
}
