import { imagesOf } from '../../core/image.ts';
import type { Problem } from '../../core/problem.ts';
import { readImage } from '../../storage/images/image-file.ts';
import { binary, list, type ParquetColumn, struct, text } from './parquet-file.ts';

/** An image as a Hugging Face data set stores it. */
interface StoredImage {
  readonly bytes: Uint8Array;
  readonly path: string | null;
}

/** Returns the images of a problem with their bytes, as verl and EasyR1 read them. */
export const imageColumnOf = ({ prompt }: Problem): StoredImage[] =>
  imagesOf(prompt).map((part) => ({ bytes: new Uint8Array(readImage(part)), path: null }));

/** The column `images` of a Parquet file. */
export const imagesColumn: ParquetColumn<{ readonly images: readonly StoredImage[] }> = {
  name: 'images',
  elements: list('images', struct('element', binary('bytes'), text('path'))),
  valueOf: ({ images }) => images,
};

/** Collects all problems of a stream, because a file's columns depend on all of them. Images stay on disk. */
export async function allOf(
  problems: AsyncIterable<Problem> | Iterable<Problem>,
): Promise<readonly Problem[]> {
  const all: Problem[] = [];
  for await (const problem of problems) all.push(problem);
  return all;
}
