/** A field of a message: field number, and a number or bytes. */
export type Field = readonly [number: number, value: number | Uint8Array];

/** Parses the fields of a Protocol Buffers message in order, for tests that read back what was written. */
export function readFields(data: Uint8Array): Field[] {
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  const fields: Field[] = [];
  let at = 0;
  const varint = (): number => {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = data[at++]!;
      value += (byte % 128) * scale;
      if (byte < 128) return value;
    }
  };
  while (at < data.length) {
    const tag = varint();
    const [number, wireType] = [Math.floor(tag / 8), tag % 8];
    if (wireType === 0) fields.push([number, varint()]);
    else if (wireType === 1) fields.push([number, view.getFloat64((at += 8) - 8, true)]);
    else if (wireType === 5) fields.push([number, view.getFloat32((at += 4) - 4, true)]);
    else {
      const length = varint();
      fields.push([number, data.subarray(at, (at += length))]);
    }
  }
  return fields;
}
