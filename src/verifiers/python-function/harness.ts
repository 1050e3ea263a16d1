import { fileURLToPath } from 'node:url';
import * as z from 'zod';

/** The program that a process runs; its first lines say what it is told and answers. */
export const harnessFile = fileURLToPath(new URL('harness.py', import.meta.url));

/** The process ends itself in time and can say where it was; this much later it is ended from here. */
export const graceMs = 2000;

/** Its first line in. */
export interface Setup {
  /** Absolute, without links. */
  readonly file: string;
  readonly function: string;
  readonly maxLoadSeconds: number;
  /** For one call. */
  readonly maxSeconds: number;
  /** Path → base64: what the files held when the verifier was opened. Absent: what they hold now. */
  readonly sources?: Readonly<Record<string, string>>;
}

/** Its first line out: the function is there. */
export const loadedSchema = z.object({
  /** Of Python. */
  version: z.string(),
  interpreter: z.string(),
  parameters: z.array(z.object({ name: z.string(), isRequired: z.boolean() })),
  takesAny: z.boolean(),
  /** Path → base64 of the file and of the local ones that it imports. */
  sources: z.record(z.string(), z.string()),
});

/** Its first line out: nothing was loaded. Places in the user's files, innermost last. */
export const refusalSchema = z.object({ refused: z.string(), at: z.array(z.string()) });

/** A line out: what the function said, its score as it gave it, `null` for "not judged", and what else it told. */
export const saidSchema = z.object({
  score: z.number().nullable(),
  details: z.record(z.string(), z.unknown()),
});

/** See `saidSchema`. */
export type Said = z.output<typeof saidSchema>;

/** A line out: what it raised. Places in the user's files, innermost last. */
export const failureSchema = z.object({ error: z.string(), at: z.array(z.string()) });
