import { readFile } from 'node:fs/promises';
import * as z from 'zod';
import { writeFileAtomic } from '../../storage/atomic.ts';
import { onDisk } from './disk-errors.ts';
import { runLayout } from './layout.ts';

/**
 * What a user wrote about a run. It is in a file of its own, so that it may change while the run is written, and so that
 * equal runs keep equal databases.
 */
export const annotationsSchema = z.strictObject({
  /** Shown in place of the folder's name; empty: none. */
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

/** Reads the annotations of a run; empty if there are none, or if the file was edited to something else. */
export async function readAnnotations(directory: string): Promise<Annotations> {
  try {
    return annotationsSchema.parse(JSON.parse(await readFile(runLayout(directory).annotations, 'utf8')));
  } catch {
    return none;
  }
}

/** Replaces the annotations of a run, which may be in progress. */
export async function writeAnnotations(directory: string, annotations: Annotations): Promise<void> {
  const path = runLayout(directory).annotations;
  await onDisk({ directory, doing: `annotating ${directory}` }, () =>
    writeFileAtomic(path, `${JSON.stringify(annotations, null, 2)}\n`),
  );
}
