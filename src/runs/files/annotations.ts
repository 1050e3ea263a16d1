import { lstat, readFile } from 'node:fs/promises';
import * as z from 'zod';
import { writeFileAtomic } from '../../storage/atomic.ts';
import { onDisk } from './disk-errors.ts';
import { runLayout } from './layout.ts';
import { refuseLinks } from './names.ts';

/**
 * The title, tags and note that a user gives to a run. They are in a separate file, so that they can change while the
 * run is being written, and equal runs keep equal databases.
 */
export const annotationsSchema = z.strictObject({
  /** Shown instead of the folder name unless it is empty. */
  title: z.string().trim().max(100).default(''),
  tags: z
    .array(
      z
        .string()
        .trim()
        .min(1)
        .max(40)
        .regex(/^[^,\p{Cc}]*$/u, 'expected no comma and no control character'),
    )
    .max(20)
    .default([]),
  note: z.string().max(20_000).default(''),
});

/** Title, tags and note of a run. */
export type Annotations = z.output<typeof annotationsSchema>;

const none: Annotations = { title: '', tags: [], note: '' };

/** Maximum number of bytes to read, about ten times the longest valid annotations. */
const maxBytes = 2 ** 20;

/**
 * Reads the annotations of a run. Returns empty annotations if the file is missing, invalid, or a symbolic link: in a
 * run from elsewhere, a link could point to an endless device.
 */
export async function readAnnotations(directory: string): Promise<Annotations> {
  const path = runLayout(directory).annotations;
  try {
    const found = await lstat(path);
    if (!found.isFile() || found.size > maxBytes) return none;
    return annotationsSchema.parse(JSON.parse(await readFile(path, 'utf8')));
  } catch {
    return none;
  }
}

/**
 * Replaces the annotations of a run, even while the run is in progress.
 *
 * @throws RunError (`RUN_CORRUPT`) if a part of the run is a symbolic link.
 */
export async function writeAnnotations(directory: string, annotations: Annotations): Promise<void> {
  await refuseLinks(directory);
  const path = runLayout(directory).annotations;
  await onDisk({ directory, doing: `annotating ${directory}` }, () =>
    writeFileAtomic(path, `${JSON.stringify(annotations, null, 2)}\n`),
  );
}
