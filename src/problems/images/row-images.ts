import { dirname, extname, isAbsolute, relative, resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { countMarks, imageMark, type ImagePart } from '../../core/image.ts';
import { DataError } from '../../core/errors.ts';
import type { Message } from '../../core/problem.ts';
import { isHubAddress } from '../../hub/address.ts';
import { describeImage, keepImage } from '../../storage/images/image-file.ts';

/**
 * A message whose images are still raw values from a row: bytes, paths, data URIs, or image parts as Gradus writes
 * them.
 */
export interface RawMessage extends Omit<Message, 'images'> {
  readonly images?: readonly unknown[] | undefined;
}

/**
 * The file from which a row was read. The row's images are files relative to it, or bytes that are stored beside it.
 */
export interface ImageOrigin {
  /** Local path. */
  readonly file: string;
  /** Name in error messages; a hub address for downloaded files. */
  readonly name: string;
  /**
   * Called if an image file is missing; the prompt then keeps only its placeholders. By default, such a row is
   * rejected.
   */
  readonly onMissing?: ((error: DataError) => void) | undefined;
}

/**
 * Removes the images of a row from its columns and returns them: from the named column, or by default from `images`,
 * verl's `multi_modal_data`, `decoded_image` (MathVista) and `image`. Drops other bytes, because records contain only
 * text. Returns undefined if the row has no image column.
 */
export function takeImages(fields: Map<string, unknown>, column: string): readonly unknown[] | undefined {
  const names = column === 'images' ? ['images', 'multi_modal_data', 'decoded_image', 'image'] : [column];
  let found: readonly unknown[] | undefined;
  for (const name of names) {
    const images = imagesIn(name, fields.get(name));
    if (images === undefined) continue;
    found ??= images;
    fields.delete(name);
  }
  for (const [name, value] of fields) if (hasBytes(value)) fields.delete(name);
  return found;
}

function imagesIn(name: string, value: unknown): readonly unknown[] | undefined {
  if (value == null || value === '') return undefined;
  if (name === 'multi_modal_data') {
    const { images, image = images } = value as Readonly<Record<string, unknown>>;
    return image == null ? undefined : [image].flat();
  }
  // Some data sets use the column "image" for other things, such as the name of a container.
  if (name === 'image' && typeof value === 'string' && !isDataUri(value) && !hasImageEnding(value))
    return undefined;
  return [value].flat().filter((one) => one != null);
}

const hasBytes = (value: unknown): boolean =>
  value instanceof Uint8Array ||
  (typeof value === 'object' && value !== null && Object.values(value).some(hasBytes));

/**
 * Assigns images to the placeholders of a prompt, in order. A prompt without placeholders gets all images before the
 * text of its first user message, as in TRL. Messages that already contain images keep them.
 *
 * @param images the images that `takeImages` returned.
 * @throws DataError if the numbers of placeholders and images differ, or if an image is invalid.
 */
export function attachImages(
  messages: readonly RawMessage[],
  images: readonly unknown[] | undefined,
  origin: ImageOrigin,
): readonly Message[] {
  if (messages.some((message) => message.images !== undefined))
    return messages.map(({ images: own = [], ...message }) => {
      if (own.length > 0) requireCount(countMarks(message.content), own.length);
      return withParts(message, readImages(own, 0, origin));
    });
  if (images === undefined) return messages as readonly Message[];
  const marked = withMarks(messages, images.length);
  requireCount(
    marked.reduce((sum, { content }) => sum + countMarks(content), 0),
    images.length,
  );
  let next = 0;
  try {
    return marked.map((message) => {
      const from = next;
      next += countMarks(message.content);
      return withParts(message, readImages(images.slice(from, next), from, origin));
    });
  } catch (error) {
    if (origin.onMissing === undefined || !(error instanceof DataError && error.code === 'DATA_NO_IMAGE'))
      throw error;
    origin.onMissing(error);
    return marked as readonly Message[];
  }
}

function withMarks(messages: readonly RawMessage[], count: number): readonly RawMessage[] {
  if (messages.some(({ content }) => content.includes(imageMark))) return messages;
  const first = messages.findIndex(({ role }) => role === 'user');
  return messages.map((message, i) =>
    i === first ? { ...message, content: imageMark.repeat(count) + message.content } : message,
  );
}

function requireCount(marks: number, images: number): void {
  if (marks === images) return;
  throw new DataError(
    `expected one image for each ${imageMark} in the prompt, got ${marks} marks and ${images} images`,
  );
}

const withParts = (message: Omit<Message, 'images'>, images: readonly ImagePart[]): Message =>
  images.length === 0 ? message : { ...message, images };

const readImages = (values: readonly unknown[], first: number, origin: ImageOrigin): readonly ImagePart[] =>
  values.map((value, i) => {
    try {
      return readValue(value, origin);
    } catch (error) {
      if (!(error instanceof DataError)) throw error;
      const { code, tryNext } = error;
      const options = { cause: error, code, ...(tryNext !== undefined && { tryNext }) };
      throw new DataError(`image ${first + i + 1}: ${error.message.replace(/^image /, '')}`, options);
    }
  });

/** Reads one image: bytes, text, or an object that contains either. */
function readValue(value: unknown, origin: ImageOrigin): ImagePart {
  if (value instanceof Uint8Array) return keepImage(value, dirname(origin.file));
  if (typeof value === 'string') return readText(value, origin);
  const { bytes, path, image, url, image_url, sha256 } = (value ?? {}) as Readonly<Record<string, unknown>>;
  if (bytes != null && typeof bytes !== 'number') return keepImage(bytesOf(bytes), dirname(origin.file));
  const inner = path ?? image ?? url ?? image_url;
  if (inner == null)
    throw new DataError('expected bytes, a path or a data URI, got an object with none of them');
  const part = readValue(inner, origin);
  if (sha256 !== undefined && sha256 !== part.sha256)
    throw new DataError(
      `${part.path}: expected content with sha256 ${JSON.stringify(sha256)}, got ${part.sha256}; the file has changed`,
      { code: 'DATA_CHANGED', tryNext: `sha256sum ${part.path}` },
    );
  return part;
}

function readText(text: string, origin: ImageOrigin): ImagePart {
  if (isDataUri(text) || isBase64(text)) return keepImage(bytesOf(text), dirname(origin.file));
  if (/^https?:/i.test(text))
    throw new DataError(
      `expected bytes, a path or a data URI, got the address ${text.slice(0, 200)}; download the image first`,
    );
  return describeImage(locate(text.startsWith('file:') ? fileURLToPath(text) : text, origin));
}

/** Resolves a path against the file's folder. Rows from a hub must not name files on this machine. */
function locate(path: string, { file, name }: ImageOrigin): string {
  const folder = dirname(resolve(file));
  const full = resolve(folder, path);
  const inside = relative(folder, full);
  const isInside = !isAbsolute(inside) && inside !== '..' && !inside.startsWith(`..${sep}`);
  if (isInside || (isAbsolute(path) && !isHubAddress(name))) return full;
  throw new DataError(`expected a path inside the folder of the data, got ${path}`);
}

/** Returns the bytes of a value: binary, base64, a data URI, or text that was decoded from bytes. */
function bytesOf(value: unknown): Uint8Array {
  if (value instanceof Uint8Array) return value;
  if (typeof value !== 'string')
    throw new DataError(
      `expected bytes as base64 text, got ${Array.isArray(value) ? 'a list' : typeof value}`,
    );
  if (isBase64(value)) return Buffer.from(value, 'base64');
  if (!isDataUri(value)) return Buffer.from(value, 'utf8');
  const comma = value.indexOf(',');
  if (!/;base64$/i.test(value.slice(0, comma)))
    return Buffer.from(decodeURIComponent(value.slice(comma + 1)), 'utf8');
  return Buffer.from(value.slice(comma + 1), 'base64');
}

const isDataUri = (text: string): boolean => /^data:image\//i.test(text);
/** Returns whether a string begins with the base64 of the first bytes of a PNG, JPEG, GIF or WebP. */
const isBase64 = (text: string): boolean => /^(?:iVBORw0K|\/9j\/|R0lGOD|UklGR)[\w+/]*={0,2}$/.test(text);
const hasImageEnding = (text: string): boolean =>
  ['.png', '.jpg', '.jpeg', '.webp', '.gif', '.bmp', '.svg', '.tif', '.tiff'].includes(
    extname(text).toLowerCase(),
  );
