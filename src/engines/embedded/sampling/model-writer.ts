import {
  type Attribute,
  encodeModel,
  type OnnxConstant,
  type OnnxNode,
  type OnnxValue,
} from '../graph/onnx.ts';

/** Collects the nodes of an ONNX model in order; values are names, and sizes may be symbolic. */
export class ModelWriter {
  readonly #nodes: OnnxNode[] = [];
  readonly #constants: OnnxConstant[] = [];
  readonly #inputs: OnnxValue[] = [];
  readonly #outputs: OnnxValue[] = [];
  #count = 0;

  names(count: number): string[] {
    return Array.from({ length: count }, () => `value.${this.#count++}`);
  }

  node(
    type: string,
    inputs: readonly string[],
    attributes: Readonly<Record<string, Attribute>> = {},
    outputs: readonly string[] = this.names(1),
  ): string {
    this.#nodes.push({ type, inputs, outputs, attributes });
    return outputs[0]!;
  }

  /** Adds one node that uses an operator of ONNX Runtime instead of standard ONNX. */
  runtimeNode(
    type: string,
    inputs: readonly string[],
    attributes: Readonly<Record<string, Attribute>> = {},
    outputs: readonly string[] = this.names(1),
  ): string {
    this.#nodes.push({ type, inputs, outputs, attributes, domain: 'com.microsoft' });
    return outputs[0]!;
  }

  split(value: string, axis: number, ...sizes: number[]): string[] {
    const outputs = this.names(sizes.length);
    this.node('Split', [value, this.integers(...sizes)], { axis }, outputs);
    return outputs;
  }

  integers(...values: number[]): string {
    const [name] = this.names(1);
    const data = BigInt64Array.from(values, BigInt);
    this.#constants.push({ name: name!, type: 'int64', shape: [values.length], data });
    return name!;
  }

  /** Adds a scalar constant; returns its name. */
  number(value: number): string {
    const [name] = this.names(1);
    this.#constants.push({ name: name!, type: 'float32', shape: [], data: Float32Array.of(value) });
    return name!;
  }

  input(name: string, type: OnnxValue['type'], shape: OnnxValue['shape']): string {
    this.#inputs.push({ name, type, shape });
    return name;
  }

  output(name: string, value: string, shape: OnnxValue['shape']): void {
    this.node('Identity', [value], {}, [name]);
    this.#outputs.push({ name, type: 'float32', shape });
  }

  finish(): Uint8Array {
    return encodeModel({
      nodes: this.#nodes,
      constants: this.#constants,
      inputs: this.#inputs,
      outputs: this.#outputs,
    });
  }
}
