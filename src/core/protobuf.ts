/**
 * Writes Protocol Buffers messages field by field (https://protobuf.dev/programming-guides/encoding), for
 * ONNX models and the event files of TensorBoard and W&B. The first argument of each method is the field
 * number.
 *
 * Keeps a list of chunks, so that large fields are copied only once, by `join`.
 *
 * @example
 * const point = new ProtobufMessage().double(1, 0.5).double(2, 1);
 * const bytes = new ProtobufMessage().text(1, 'loss').message(2, point).join();
 */
export class ProtobufMessage {
  readonly #chunks: Uint8Array[] = [];
  #length = 0;

  /** Writes an int32, int64, uint32, uint64, enum or bool. */
  integer(field: number, value: number): this {
    return this.#tag(field, 0).#varint(value);
  }

  double(field: number, value: number): this {
    const data = Buffer.alloc(8);
    data.writeDoubleLE(value);
    return this.#tag(field, 1).#append(data);
  }

  float(field: number, value: number): this {
    const data = Buffer.alloc(4);
    data.writeFloatLE(value);
    return this.#tag(field, 5).#append(data);
  }

  text(field: number, value: string): this {
    return this.bytes(field, Buffer.from(value));
  }

  bytes(field: number, value: Uint8Array): this {
    return this.#tag(field, 2).#varint(value.length).#append(value);
  }

  /** Writes a nested message. */
  message(field: number, value: ProtobufMessage): this {
    this.#tag(field, 2).#varint(value.#length);
    for (const chunk of value.#chunks) this.#append(chunk);
    return this;
  }

  /** Returns the encoded message. */
  join(): Uint8Array {
    const joined = new Uint8Array(this.#length);
    let offset = 0;
    for (const chunk of this.#chunks) {
      joined.set(chunk, offset);
      offset += chunk.length;
    }
    return joined;
  }

  #tag(field: number, wireType: number): this {
    return this.#varint(field * 8 + wireType);
  }

  /**
   * Writes seven bits per byte, lowest first; negative numbers as 64-bit two's complement. Avoids
   * bitwise operators, which would truncate to 32 bits.
   */
  #varint(value: number): this {
    const bytes: number[] = [];
    let rest = value < 0 ? BigInt.asUintN(64, BigInt(value)) : value;
    for (; rest > 127; rest = typeof rest === 'bigint' ? rest >> 7n : Math.floor(rest / 128)) {
      bytes.push(Number(typeof rest === 'bigint' ? rest & 127n : rest % 128) | 128);
    }
    bytes.push(Number(rest));
    return this.#append(Uint8Array.from(bytes));
  }

  #append(chunk: Uint8Array): this {
    this.#chunks.push(chunk);
    this.#length += chunk.length;
    return this;
  }
}
