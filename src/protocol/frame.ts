import { ProtocolError } from '../core/errors.ts';
import { maxHeaderBytes, maxPayloadBytes } from './messages.ts';

/** A frame: a JSON header and the raw bytes it describes. */
export interface Frame {
  readonly header: unknown;
  readonly payload: Uint8Array;
}

const prefixBytes = 8;

/** Encodes a frame: `u32 header length | u32 payload length | JSON header | payload`, little-endian. */
export function encodeFrame({ header, payload }: Frame): Uint8Array {
  const json = new TextEncoder().encode(JSON.stringify(header));
  checkLengths(json.length, payload.length);
  const bytes = new Uint8Array(prefixBytes + json.length + payload.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, json.length, true);
  view.setUint32(4, payload.length, true);
  bytes.set(json, prefixBytes);
  bytes.set(payload, prefixBytes + json.length);
  return bytes;
}

/** Reassembles frames from a stream of chunks of any size. */
export interface FrameReader {
  /** Returns the frames that these bytes complete. Throws a `ProtocolError` for bytes that are not a frame, after which the stream is unusable. */
  push(bytes: Uint8Array): Frame[];
  /** Ends the stream. Throws a `ProtocolError` if it ends within a frame. */
  end(): void;
}

/** Creates a reader at the start of a stream of frames. */
export function createFrameReader(): FrameReader {
  let chunks: Uint8Array[] = [];
  let held = 0;
  let lengths: readonly [number, number] | null = null;

  /** Takes the first `length` bytes into a new buffer, in which tensors are aligned. */
  const take = (length: number): Uint8Array => {
    const taken = new Uint8Array(length);
    let filled = 0;
    let used = 0;
    while (filled < length) {
      const chunk = chunks[used]!;
      const part = chunk.subarray(0, length - filled);
      taken.set(part, filled);
      filled += part.length;
      if (part.length === chunk.length) used++;
      else chunks[used] = chunk.subarray(part.length);
    }
    chunks = chunks.slice(used);
    held -= length;
    return taken;
  };

  const next = (): Frame | null => {
    if (lengths === null) {
      if (held < prefixBytes) return null;
      const view = new DataView(take(prefixBytes).buffer);
      lengths = [view.getUint32(0, true), view.getUint32(4, true)];
      checkLengths(...lengths);
    }
    const [headerLength, payloadLength] = lengths;
    if (held < headerLength + payloadLength) return null;
    const header = parseHeader(take(headerLength));
    const payload = take(payloadLength);
    lengths = null;
    return { header, payload };
  };

  return {
    push: (bytes) => {
      if (bytes.length > 0) chunks.push(bytes);
      held += bytes.length;
      const frames: Frame[] = [];
      for (let frame = next(); frame !== null; frame = next()) frames.push(frame);
      return frames;
    },
    end: () => {
      if (held === 0 && lengths === null) return;
      throw new ProtocolError(
        `expected the rest of a frame, got the end of the stream after ${held} bytes of it`,
      );
    },
  };
}

function checkLengths(header: number, payload: number): void {
  if (header >= 2 && header <= maxHeaderBytes && payload <= maxPayloadBytes) return;
  throw new ProtocolError(
    `expected a frame with a header of 2 to ${maxHeaderBytes} bytes and a payload of at most ${maxPayloadBytes}, ` +
      `got ${header} and ${payload}: the bytes are not frames, or the batch is too large for one`,
  );
}

function parseHeader(bytes: Uint8Array): unknown {
  const text = new TextDecoder('utf-8', { fatal: true });
  try {
    return JSON.parse(text.decode(bytes));
  } catch (cause) {
    throw new ProtocolError(`expected a frame's header to be JSON (${String(cause)})`, { cause });
  }
}
