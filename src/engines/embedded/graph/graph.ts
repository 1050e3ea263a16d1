import { EngineError } from '../../../core/errors.ts';
import {
  type Attribute,
  encodeModel,
  type ElementType,
  type OnnxConstant,
  type OnnxNode,
  type OnnxValue,
} from './onnx.ts';
import { runtimeBytes } from './runtime-memory.ts';

/**
 * Tensor expressions with reverse-mode differentiation, compiled to ONNX. A `Value` is a node of an immutable
 * expression graph: building a node runs nothing, and compiling emits only nodes that the outputs depend on. One `Op`
 * object under `ops/` defines each operation: its shape rule, its ONNX form and its derivative.
 */

/** Sizes of the dimensions, outermost first; `[]` is a scalar. */
export type Shape = readonly number[];

/** A symbolic tensor: a node of the graph, without data. */
export interface Value {
  readonly shape: Shape;
  readonly type: ElementType;
  readonly source: Source;
}

type Source =
  | { readonly kind: 'input'; readonly name: string }
  | { readonly kind: 'constant'; readonly data: OnnxConstant['data'] }
  | { readonly kind: 'call'; readonly call: Call<unknown> };

/** An operation applied to values. `outputs[0]` is its result; its derivative uses the other outputs. */
export interface Call<Attributes> {
  readonly op: Op<Attributes>;
  readonly inputs: readonly Value[];
  readonly attributes: Attributes;
  readonly outputs: readonly Value[];
}

/** Definition of one operation: shape rule, ONNX form and derivative. */
export interface Op<Attributes> {
  readonly name: string;
  /** Element type of the result; default `float32`. */
  readonly type?: ElementType;
  /**
   * Returns the shapes of the result and of the values kept for `vjp`; for invalid inputs, describes the
   * expected shapes.
   */
  shapes(inputs: readonly Shape[], attributes: Attributes): readonly Shape[] | string;
  /** Emits the ONNX nodes that compute `outputs` from `inputs`. */
  emit(emitter: Emitter, names: EmittedNames, call: Call<Attributes>): void;
  /**
   * Returns the vector–Jacobian product: the gradient of every input, given the gradient of the result (in the result's
   * shape); `null` for inputs without a gradient.
   */
  vjp(call: Call<Attributes>, gradient: Value): readonly (Value | null)[];
}

interface EmittedNames {
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
}

/** Creates a placeholder for data that every run must feed. */
export function input(name: string, type: ElementType, shape: Shape): Value {
  return { shape, type, source: { kind: 'input', name } };
}

/** Creates a tensor stored in the program. Default shape: a scalar. */
export function constant(data: Float32Array | number, shape: Shape = []): Value {
  const array = typeof data === 'number' ? new Float32Array([data]) : data;
  return { shape, type: 'float32', source: { kind: 'constant', data: array } };
}

/** Applies an operation; throws an `EngineError` that names the operation and its invalid shapes. */
export function apply<Attributes>(
  op: Op<Attributes>,
  inputs: readonly Value[],
  attributes: Attributes,
): Value {
  const given = inputs.map((value) => value.shape);
  const shapes = op.shapes(given, attributes);
  if (typeof shapes === 'string') {
    const got = given.map((shape) => `[${shape.join(', ')}]`).join(' and ');
    throw new EngineError(`${op.name}: expected ${shapes}, got ${got}`, { code: 'SHAPE_MISMATCH' });
  }
  const outputs: Value[] = [];
  const call: Call<Attributes> = { op, inputs, attributes, outputs };
  const source: Source = { kind: 'call', call };
  for (const shape of shapes) outputs.push({ shape, type: op.type ?? 'float32', source });
  return outputs[0]!;
}

/**
 * Returns the gradients of a scalar with respect to values that it depends on, as new values in the same
 * order.
 *
 * @param add sums two gradients of the same value (the `add` op, passed in because the ops import this file)
 */
export function gradients(scalar: Value, of: readonly Value[], add: (a: Value, b: Value) => Value): Value[] {
  const found = new Map<Value, Value>([[scalar, constant(1)]]);
  for (const call of callsLeadingTo([scalar], new Map()).toReversed()) {
    const gradient = found.get(call.outputs[0]!);
    if (gradient === undefined) continue;
    for (const [index, part] of call.op.vjp(call, gradient).entries()) {
      if (part === null) continue;
      const value = call.inputs[index]!;
      const sum = found.get(value);
      found.set(value, sum === undefined ? part : add(sum, part));
    }
  }
  return of.map((value) => {
    const gradient = found.get(value);
    if (gradient !== undefined) return gradient;
    throw new EngineError(
      `gradients: the scalar does not depend on a value of shape [${value.shape.join(', ')}]`,
    );
  });
}

/** Values that a program does not compute but takes as inputs, with the names of these inputs. */
type Given = ReadonlyMap<Value, string>;

/** Returns the results of the operations with a given name that a value depends on, in order. */
export function resultsOf(name: string, value: Value): Value[] {
  return callsLeadingTo([value], new Map()).flatMap(({ op, outputs }) =>
    op.name === name ? outputs.slice(0, 1) : [],
  );
}

/** Returns every call on which the values depend, each after the calls that it needs; stops at given values. */
function callsLeadingTo(values: readonly Value[], given: Given): Call<unknown>[] {
  const ordered = new Set<Call<unknown>>();
  const entered = new Set<Call<unknown>>();
  const stack = values.toReversed();
  while (stack.length > 0) {
    const value = stack.at(-1)!;
    const { source } = value;
    if (given.has(value)) {
      stack.pop();
      continue;
    }
    if (source.kind !== 'call' || ordered.has(source.call) || entered.has(source.call)) {
      if (source.kind === 'call') ordered.add(source.call);
      stack.pop();
      continue;
    }
    entered.add(source.call);
    stack.push(...source.call.inputs.toReversed());
  }
  return [...ordered];
}

const sizeOf = ({ shape }: Value): number => shape.reduce((product, size) => product * size, 1);

/** A program ready for the runtime. */
export interface CompiledGraph {
  readonly model: Uint8Array;
  /** Inputs on which the outputs depend; `run` needs exactly these. */
  readonly inputs: readonly OnnxValue[];
  readonly outputs: readonly OnnxValue[];
  /** Peak memory of a run in bytes, from `runtimeBytes`. */
  readonly bytes: number;
}

/** Emits everything on which the named outputs depend as one ONNX model; `given` values become inputs. */
export function compile(outputs: Readonly<Record<string, Value>>, given: Given = new Map()): CompiledGraph {
  const emitter = new Emitter(outputs, given);
  for (const call of callsLeadingTo(Object.values(outputs), given)) emitter.call(call);
  return emitter.finish(outputs);
}

/** Collects the ONNX nodes of a program; ops write through it. */
export class Emitter {
  readonly #nodes: OnnxNode[] = [];
  readonly #constants: OnnxConstant[] = [];
  readonly #inputs = new Map<string, OnnxValue>();
  readonly #names = new Map<Value, string>();
  readonly #shapes = new Map<string, Shape>();
  /** Shape of the largest output of the current call; assumed for values between its nodes. */
  #largest: Shape = [];
  readonly #given: Given;
  #count = 0;

  /** Creates an emitter that writes results that are outputs directly under their final names. */
  constructor(outputs: Readonly<Record<string, Value>>, given: Given) {
    this.#given = given;
    for (const [name, value] of Object.entries(outputs)) {
      if (value.source.kind === 'call') this.#names.set(value, name);
    }
  }

  /** Adds one node; returns the name of its first output. Unnamed outputs get generated names. */
  node(
    type: string,
    inputs: readonly string[],
    attributes: Readonly<Record<string, Attribute>> = {},
    outputs: readonly string[] = [this.#fresh()],
  ): string {
    return this.#add({ type, inputs, outputs, attributes });
  }

  /** Adds one node that uses an operator of ONNX Runtime instead of standard ONNX. */
  runtimeNode(
    type: string,
    inputs: readonly string[],
    attributes: Readonly<Record<string, Attribute>> = {},
    outputs: readonly string[] = [this.#fresh()],
  ): string {
    return this.#add({ type, inputs, outputs, attributes, domain: 'com.microsoft' });
  }

  #add(node: OnnxNode): string {
    this.#nodes.push(node);
    for (const name of node.outputs) if (!this.#shapes.has(name)) this.#shapes.set(name, this.#largest);
    return node.outputs[0]!;
  }

  /** Converts sizes or axes to the one-dimensional int64 constant that ONNX requires. */
  integers(values: readonly number[]): string {
    const data = BigInt64Array.from(values, BigInt);
    return this.#constant({ type: 'int64', shape: [values.length], data });
  }

  /** Adds a floating-point constant; returns its name. */
  floats(data: readonly number[] | Float32Array, shape: Shape): string {
    return this.#constant({ type: 'float32', shape, data: Float32Array.from(data) });
  }

  /** Emits one call. The calls that compute its inputs must have been emitted before. */
  call(call: Call<unknown>): void {
    const inputs = call.inputs.map((value) => this.#name(value));
    const outputs = call.outputs.map((value) => this.#name(value));
    for (const [place, { shape }] of call.outputs.entries()) this.#shapes.set(outputs[place]!, shape);
    this.#largest = call.outputs.toSorted((a, b) => sizeOf(b) - sizeOf(a))[0]!.shape;
    call.op.emit(this, { inputs, outputs }, call);
  }

  /** Returns the compiled model with these outputs. */
  finish(outputs: Readonly<Record<string, Value>>): CompiledGraph {
    const described = Object.entries(outputs).map(([name, value]): OnnxValue => {
      const written = this.#name(value);
      this.#shapes.set(name, value.shape);
      if (written !== name) this.node('Identity', [written], {}, [name]);
      return { name, type: value.type, shape: value.shape };
    });
    const inputs = [...this.#inputs.values()];
    const model = encodeModel({ nodes: this.#nodes, constants: this.#constants, inputs, outputs: described });
    const bytes = runtimeBytes({
      nodes: this.#nodes,
      shapes: this.#shapes,
      outputs: new Set(Object.keys(outputs)),
    });
    return { model, inputs, outputs: described, bytes };
  }

  #name(value: Value): string {
    const known = this.#names.get(value);
    if (known !== undefined) return known;
    const given = this.#given.get(value);
    const name = this.#introduce(
      given === undefined ? value : { ...value, source: { kind: 'input', name: given } },
    );
    this.#names.set(value, name);
    return name;
  }

  #introduce({ source, shape, type }: Value): string {
    switch (source.kind) {
      case 'input':
        this.#inputs.set(source.name, { name: source.name, type, shape });
        return source.name;
      case 'constant':
        return this.#constant({ type, shape, data: source.data });
      case 'call':
        return this.#fresh();
    }
  }

  #constant(tensor: Omit<OnnxConstant, 'name'>): string {
    const name = this.#fresh();
    this.#constants.push({ name, ...tensor });
    return name;
  }

  #fresh(): string {
    return `_${this.#count++}`;
  }
}
