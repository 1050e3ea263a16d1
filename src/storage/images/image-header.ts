import { crc32 } from 'node:zlib';
import type { ImageType } from '../../core/image.ts';
import { DataError } from '../../core/errors.ts';

/**
 * Limits on the size of an image. Decoding larger images takes gigabytes, and model servers would scale them down
 * anyway.
 */
export const imageLimits = { maxBytes: 20 * 2 ** 20, maxPixels: 50_000_000 } as const;

/** The properties in the header of an image. */
export interface ImageHeader {
  readonly mediaType: ImageType;
  /** Width in pixels. */
  readonly width: number;
  readonly height: number;
}

type Size = Pick<ImageHeader, 'width' | 'height'>;

/** Detects the type of an image by its first bytes, never by its name; returns undefined for any other content. */
function imageTypeOf(bytes: Uint8Array): ImageType | undefined {
  const start = latin(bytes, 0, 12);
  if (start.startsWith('\x89PNG\r\n\x1a\n')) return 'image/png';
  if (start.startsWith('\xff\xd8\xff')) return 'image/jpeg';
  if (start.startsWith('GIF87a') || start.startsWith('GIF89a')) return 'image/gif';
  return start.startsWith('RIFF') && start.endsWith('WEBP') ? 'image/webp' : undefined;
}

/**
 * Reads the type and size of an image, and checks that the file is complete and within `imageLimits`. Does not decode
 * pixels.
 *
 * @throws DataError if the format is not supported, the file is truncated, or the image is too large.
 */
export function readImageHeader(bytes: Uint8Array): ImageHeader {
  if (bytes.length > imageLimits.maxBytes)
    throw new DataError(
      `expected an image of at most ${imageLimits.maxBytes / 2 ** 20} MiB, got ${(bytes.length / 2 ** 20).toFixed(1)} MiB; scale it down`,
    );
  const mediaType = imageTypeOf(bytes);
  if (mediaType === undefined) throw new DataError(`expected a PNG, JPEG, WebP or GIF, got ${kindOf(bytes)}`);
  const size = readers[mediaType](Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength));
  const { width, height } = size;
  if (width === 0 || height === 0)
    throw new DataError(`expected an image with pixels, got ${width} × ${height}`);
  if (width * height > imageLimits.maxPixels)
    throw new DataError(
      `expected an image of at most ${imageLimits.maxPixels / 1e6} million pixels, got ${width} × ${height}; scale it down`,
    );
  return { mediaType, ...size };
}

const readers: Readonly<Record<ImageType, (bytes: Buffer) => Size>> = {
  'image/png': pngSize,
  'image/jpeg': jpegSize,
  'image/gif': gifSize,
  'image/webp': webpSize,
};

/** Reads all chunks of a PNG (ISO/IEC 15948, section 5): length, type, data, CRC. */
function pngSize(bytes: Buffer): Size {
  let size: Size | undefined;
  for (let at = 8; at + 12 <= bytes.length;) {
    const length = bytes.readUInt32BE(at);
    const end = at + 12 + length;
    if (end > bytes.length) break;
    const type = latin(bytes, at + 4, 4);
    if (crc32(bytes.subarray(at + 4, end - 4)) !== bytes.readUInt32BE(end - 4))
      throw new DataError(`expected a valid PNG, got a chunk ${JSON.stringify(type)} with a wrong checksum`);
    if (size === undefined && type !== 'IHDR') break;
    if (type === 'IHDR' && length === 13)
      size ??= { width: bytes.readUInt32BE(at + 8), height: bytes.readUInt32BE(at + 12) };
    if (type === 'IEND' && size !== undefined) return size;
    at = end;
  }
  throw truncated('PNG', bytes);
}

/** Reads the segments of a JPEG up to its frame header (ITU-T T.81, B.2.2), and checks the end-of-image marker. */
function jpegSize(bytes: Buffer): Size {
  let at = 2;
  while (at + 9 <= bytes.length && bytes[at] === 0xff) {
    const marker = bytes[at + 1]!;
    if (marker === 0xff) {
      at++;
      continue;
    }
    const isFrame = marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker);
    if (isFrame) {
      if (bytes.lastIndexOf('\xff\xd9', undefined, 'latin1') <= at) break;
      return { width: bytes.readUInt16BE(at + 7), height: bytes.readUInt16BE(at + 5) };
    }
    const isBare = marker === 0x01 || (marker >= 0xd0 && marker <= 0xd8);
    at += isBare ? 2 : 2 + bytes.readUInt16BE(at + 2);
  }
  throw truncated('JPEG', bytes);
}

function gifSize(bytes: Buffer): Size {
  let end = bytes.length;
  while (end > 13 && bytes[end - 1] === 0) end--;
  if (end <= 13 || bytes[end - 1] !== 0x3b) throw truncated('GIF', bytes);
  return { width: bytes.readUInt16LE(6), height: bytes.readUInt16LE(8) };
}

/** Reads the first chunk of a WebP: lossy, lossless or extended (RFC 9649, section 2). */
function webpSize(bytes: Buffer): Size {
  if (bytes.length < 30 || bytes.readUInt32LE(4) + 8 > bytes.length) throw truncated('WebP', bytes);
  switch (latin(bytes, 12, 4)) {
    case 'VP8 ':
      return { width: bytes.readUInt16LE(26) & 0x3fff, height: bytes.readUInt16LE(28) & 0x3fff };
    case 'VP8L': {
      const bits = bytes.readUInt32LE(21);
      return { width: (bits & 0x3fff) + 1, height: ((bits >>> 14) & 0x3fff) + 1 };
    }
    case 'VP8X':
      return { width: bytes.readUIntLE(24, 3) + 1, height: bytes.readUIntLE(27, 3) + 1 };
    default:
      throw new DataError('expected a WebP with a known first chunk, got an unknown one');
  }
}

const truncated = (name: string, { length }: Uint8Array): DataError =>
  new DataError(`expected a complete ${name}, got a truncated or damaged one of ${length} bytes`);

/** Describes content that is not a supported image, for an error message. */
function kindOf(bytes: Uint8Array): string {
  const start = latin(bytes, 0, 512);
  if (/^(?:\xef\xbb\xbf)?\s*<(?:\?xml|!--|!doctype svg|svg)/i.test(start))
    return 'SVG or other XML, which can contain scripts; convert it to PNG';
  if (bytes.length === 0) return 'an empty file';
  const known = others.find(([magic]) => magic.test(start))?.[1];
  return known === undefined ? 'content of another type' : `${known}; convert it to PNG`;
}

const others: readonly (readonly [RegExp, string])[] = [
  [/^BM/, 'BMP'],
  [/^(?:II\*\0|MM\0\*)/, 'TIFF'],
  [/^.{4}ftyp(?:avif|avis)/s, 'AVIF'],
  [/^.{4}ftyp(?:heic|heix|mif1|hevc)/s, 'HEIC'],
  [/^%PDF/, 'PDF'],
];

const latin = (bytes: Uint8Array, from: number, length: number): string =>
  Buffer.from(bytes.subarray(from, from + length)).toString('latin1');
