import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { ImagePart, ImageType } from '../../core/image.ts';
import { DataError } from '../../core/errors.ts';
import { writeFileAtomicSync } from '../atomic.ts';
import { explainSystemError } from '../system-error.ts';
import { imageLimits, readImageHeader } from './image-header.ts';

const endings: Readonly<Record<ImageType, string>> = {
  'image/png': 'png',
  'image/jpeg': 'jpg',
  'image/webp': 'webp',
  'image/gif': 'gif',
};

/** Returns the description of an image whose bytes are in a file. */
function partOf(bytes: Uint8Array, path: string): ImagePart {
  const header = readImageHeader(bytes);
  return { type: 'image', sha256: digestOf(bytes), ...header, bytes: bytes.length, path };
}

/**
 * Reads an image file and returns its description.
 *
 * @param path the file; a relative path is resolved against the working directory.
 * @throws DataError if the file is missing (`DATA_NO_IMAGE`), not an image, truncated or too large.
 */
export function describeImage(path: string): ImagePart {
  return partOf(readBytes(path), resolve(path));
}

/**
 * Writes an image as `images/<sha256>.<extension>` into a folder, unless the file already exists.
 *
 * @throws DataError if the image is invalid or the folder is not writable.
 */
export function keepImage(bytes: Uint8Array, folder: string): ImagePart {
  const { sha256, mediaType } = partOf(bytes, '');
  const path = resolve(folder, 'images', `${sha256}.${endings[mediaType]}`);
  const part = partOf(bytes, path);
  if (existsSync(path) && statSync(path).size === bytes.length) return part;
  try {
    mkdirSync(join(folder, 'images'), { recursive: true });
    writeFileAtomicSync(path, bytes);
  } catch (error) {
    throw explainSystemError(error, path);
  }
  return part;
}

/**
 * Reads the bytes of an image.
 *
 * @throws DataError if the file is missing, or (`DATA_CHANGED`) if its bytes have changed since the import.
 */
export function readImage({ path, sha256 }: Pick<ImagePart, 'path' | 'sha256'>): Buffer {
  const bytes = readBytes(path);
  if (digestOf(bytes) === sha256) return bytes;
  throw new DataError(
    `image ${path}: expected content with sha256 ${sha256}, got other content; import the problems again`,
    { code: 'DATA_CHANGED', tryNext: `sha256sum ${path}` },
  );
}

function readBytes(path: string): Buffer {
  const found = statSync(path, { throwIfNoEntry: false });
  if (found?.isFile() !== true)
    throw new DataError(
      `image ${path}: expected a file, got ${found === undefined ? 'none' : 'a folder or device'}`,
      { code: 'DATA_NO_IMAGE', tryNext: `ls -l ${path}` },
    );
  if (found.size > imageLimits.maxBytes)
    throw new DataError(
      `image ${path}: expected at most ${imageLimits.maxBytes / 2 ** 20} MiB, got ${found.size} bytes; scale it down`,
    );
  return readFileSync(path);
}

const digestOf = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');
