import { dirname, relative, resolve, sep } from 'node:path';
import type { ImagePart } from '../../core/image.ts';
import { type Problem, promptsOf } from '../../core/problem.ts';
import { isWrittenInPlace } from '../../storage/atomic.ts';
import { keepImage, readImage } from '../../storage/images/image-file.ts';

/**
 * Copies the images of a problem into the folder `images` beside a file of problems, and names them relative to that
 * file, so that both can be moved together. If the output is a device or a pipe, copies nothing and names the images by
 * absolute paths.
 *
 * @throws DataError if an image is missing or has changed.
 */
export function placeImages(problem: Problem, out: string): Problem {
  if (promptsOf(problem).every((prompt) => prompt.every(({ images }) => images === undefined)))
    return problem;
  const folder = isWrittenInPlace(out) ? undefined : dirname(resolve(out));
  const place = (part: ImagePart): ImagePart => placeImage(part, folder);
  const placed = (prompt: Problem['prompt']): Problem['prompt'] =>
    prompt.map((message) =>
      message.images === undefined ? message : { ...message, images: message.images.map(place) },
    );
  return {
    ...problem,
    prompt: placed(problem.prompt),
    ...(problem.wordings !== undefined && { wordings: problem.wordings.map(placed) }),
  };
}

function placeImage(part: ImagePart, folder: string | undefined): ImagePart {
  if (folder === undefined) return part;
  const inside = relative(folder, part.path);
  const isBeside = inside.startsWith(`images${sep}`);
  const path = isBeside ? inside : relative(folder, keepImage(readImage(part), folder).path);
  return { ...part, path: path.replaceAll(sep, '/') };
}
