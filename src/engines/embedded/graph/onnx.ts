import { ProtobufMessage as Message } from '../../../core/protobuf.ts';

/** Encodes ONNX models, with only those messages of onnx.proto3 that this engine's graphs need. */

/** Element types that the engine's graphs use, with their numbers in `TensorProto.DataType`. */
const elementTypes = { float32: 1, int32: 6, int64: 7, bool: 9 } as const;

/** Element type of a tensor; also its name in `ort.Tensor`. */
export type ElementType = keyof typeof elementTypes;

/** An attribute of a node. Plain numbers are integers; `{ float }` marks floating-point numbers. */
export type Attribute = string | number | readonly number[] | { readonly float: number };

/** One operation. `domain` is empty for ONNX's own operators and `com.microsoft` for the runtime's. */
export interface OnnxNode {
  readonly type: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes?: Readonly<Record<string, Attribute>>;
  readonly domain?: 'com.microsoft';
}

/** A name with its type and shape; a dimension given as a string is symbolic (any size). */
export interface OnnxValue {
  readonly name: string;
  readonly type: ElementType;
  readonly shape: readonly (number | string)[];
}

/** A constant stored in the model; `data` in row-major order. `bool` takes a `Uint8Array` of 0 and 1. */
export interface OnnxConstant {
  readonly name: string;
  readonly type: ElementType;
  readonly shape: readonly number[];
  readonly data: Float32Array | Int32Array | BigInt64Array | Uint8Array;
}

/** A complete graph. Nodes must be in a valid execution order. */
export interface OnnxModel {
  readonly nodes: readonly OnnxNode[];
  readonly constants: readonly OnnxConstant[];
  readonly inputs: readonly OnnxValue[];
  readonly outputs: readonly OnnxValue[];
}

/**
 * Encodes a model as the bytes that `ort.InferenceSession.create` expects: IR version 9, opset 18 and
 * `com.microsoft` 1.
 *
 * @example
 * encodeModel({
 *   inputs: [{ name: 'x', type: 'float32', shape: [2] }], outputs: [{ name: 'y', type: 'float32', shape: [2] }],
 *   constants: [], nodes: [{ type: 'Neg', inputs: ['x'], outputs: ['y'] }],
 * });
 */
export function encodeModel(model: OnnxModel): Uint8Array {
  const graph = new Message();
  for (const node of model.nodes) graph.message(1, encodeNode(node));
  graph.text(2, 'gradus');
  for (const constant of model.constants) graph.message(5, encodeConstant(constant));
  for (const value of model.inputs) graph.message(11, encodeValue(value));
  for (const value of model.outputs) graph.message(12, encodeValue(value));
  const opset = (domain: string, version: number): Message =>
    new Message().text(1, domain).integer(2, version);
  return new Message()
    .integer(1, 9)
    .message(7, graph)
    .message(8, opset('', 18))
    .message(8, opset('com.microsoft', 1))
    .join();
}

function encodeNode(node: OnnxNode): Message {
  const message = new Message();
  for (const name of node.inputs) message.text(1, name);
  for (const name of node.outputs) message.text(2, name);
  message.text(4, node.type);
  for (const [name, value] of Object.entries(node.attributes ?? {})) {
    message.message(5, encodeAttribute(name, value));
  }
  return node.domain === undefined ? message : message.text(7, node.domain);
}

function encodeAttribute(name: string, value: Attribute): Message {
  const message = new Message().text(1, name);
  if (typeof value === 'string') return message.text(4, value).integer(20, 3);
  if (typeof value === 'number') return message.integer(3, value).integer(20, 2);
  if ('float' in value) return message.float(2, value.float).integer(20, 1);
  for (const item of value) message.integer(8, item);
  return message.integer(20, 7);
}

function encodeConstant({ name, type, shape, data }: OnnxConstant): Message {
  const message = new Message();
  for (const size of shape) message.integer(1, size);
  return message
    .integer(2, elementTypes[type])
    .text(8, name)
    .bytes(9, new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
}

function encodeValue({ name, type, shape }: OnnxValue): Message {
  const dimensions = new Message();
  for (const size of shape) {
    const dimension = typeof size === 'number' ? new Message().integer(1, size) : new Message().text(2, size);
    dimensions.message(1, dimension);
  }
  const tensor = new Message().integer(1, elementTypes[type]).message(2, dimensions);
  return new Message().text(1, name).message(2, new Message().message(1, tensor));
}
