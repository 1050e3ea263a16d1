/** Media types of images. Other formats are rejected at import: SVG, for example, is a program. */
export type ImageType = 'image/png' | 'image/jpeg' | 'image/webp' | 'image/gif';

/**
 * An image in a message. Its bytes stay in a file next to the problems; records contain only this reference.
 *
 * @example
 * const message: Message = {
 *   role: 'user', content: '<image>Find x.',
 *   images: [{ type: 'image', sha256: '9f86…', mediaType: 'image/png', width: 320, height: 240, bytes: 5120, path: '/data/images/9f86….png' }],
 * };
 */
export interface ImagePart {
  readonly type: 'image';
  /**
   * SHA-256 of the file's bytes, as 64 hex digits. It identifies the image; reading a file with a different hash causes
   * an error.
   */
  readonly sha256: string;
  readonly mediaType: ImageType;
  /** Width in pixels. */
  readonly width: number;
  readonly height: number;
  /** Size of the file in bytes. */
  readonly bytes: number;
  /** Path of the file; in a problem file, it is relative to that file. */
  readonly path: string;
}

/**
 * Placeholder for an image in a message's text, as in verl, EasyR1 and LLaMA-Factory. The n-th placeholder refers to
 * the n-th of the message's images. In a message without images, the placeholder is plain text.
 */
export const imageMark = '<image>';

/** Returns the number of image placeholders in a text. */
export const countMarks = (text: string): number => text.split(imageMark).length - 1;

/** A message's text and images. */
interface Illustrated {
  readonly content: string;
  readonly images?: readonly ImagePart[];
}

/** Returns all images of a prompt, in order. */
export const imagesOf = (messages: readonly Illustrated[]): readonly ImagePart[] =>
  messages.flatMap(({ images = [] }) => images);

/**
 * Returns the content of a message as a list of strings and images, omitting empty strings. Without images, the list
 * contains only the content.
 */
export function partsOf({ content, images = [] }: Illustrated): readonly (string | ImagePart)[] {
  if (images.length === 0) return [content];
  return content
    .split(imageMark)
    .flatMap((text, i) => [...(i === 0 ? [] : [images[i - 1]!]), text])
    .filter((part) => part !== '');
}
