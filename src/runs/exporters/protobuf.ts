/**
 * The little of Protocol Buffers that event files need: messages are written field by field, nothing is read.
 * Wire format: https://protobuf.dev/programming-guides/encoding
 *
 * @example
 * message(double(1, 0.5), string(2, 'loss')); // field 1: a double, field 2: a string
 */
export const message = (...fields: readonly Uint8Array[]): Uint8Array => Buffer.concat(fields);

/** A message inside a message. */
export const nested = (field: number, ...fields: readonly Uint8Array[]): Uint8Array =>
  bytes(field, message(...fields));

export const string = (field: number, value: string): Uint8Array => bytes(field, Buffer.from(value));

/** An int32, int64, enum or bool that is not negative. */
export const integer = (field: number, value: number): Uint8Array => message(tag(field, 0), varint(value));

export function double(field: number, value: number): Uint8Array {
  const data = Buffer.alloc(8);
  data.writeDoubleLE(value);
  return message(tag(field, 1), data);
}

export function float(field: number, value: number): Uint8Array {
  const data = Buffer.alloc(4);
  data.writeFloatLE(value);
  return message(tag(field, 5), data);
}

const bytes = (field: number, value: Uint8Array): Uint8Array =>
  message(tag(field, 2), varint(value.length), value);

const tag = (field: number, wireType: number): Uint8Array => varint(field * 8 + wireType);

/** Seven bits a byte, the least first; beyond 32 bits too, so no bit operators. */
function varint(value: number): Uint8Array {
  const digits: number[] = [];
  let left = value;
  for (; left >= 128; left = Math.floor(left / 128)) digits.push((left % 128) + 128);
  return Uint8Array.from([...digits, left]);
}
