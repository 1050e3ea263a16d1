import { fileURLToPath } from 'node:url';
import * as z from 'zod';

/** The program that a process runs; its docstring documents the protocol. */
export const harnessFile = fileURLToPath(new URL('harness.py', import.meta.url));

/** First line to the process. */
export interface Setup {
  /** Absolute, symbolic links resolved. */
  readonly file: string;
  readonly function: string;
  readonly maxLoadSeconds: number;
  /** Limit per call. */
  readonly maxSeconds: number;
  /** Path → base64 of the content of the files when the verifier was opened. Absent: read the files now. */
  readonly sources?: Readonly<Record<string, string>>;
}

/** First line from the process: the function is loaded. */
export const loadedSchema = z.object({
  /** Python version. */
  version: z.string(),
  interpreter: z.string(),
  parameters: z.array(z.object({ name: z.string(), isRequired: z.boolean() })),
  takesAny: z.boolean(),
  /** Path → base64 of the file and of its local imports. */
  sources: z.record(z.string(), z.string()),
});

/** First line from the process: loading failed. Places in the user's files, innermost last. */
export const refusalSchema = z.object({ refused: z.string(), at: z.array(z.string()) });

/** Reply to a call: the score as returned, `null` for "not judged", and other details. */
export const saidSchema = z.object({
  score: z.number().nullable(),
  details: z.record(z.string(), z.unknown()),
});

/** See `saidSchema`. */
export type Said = z.output<typeof saidSchema>;

/** Reply to a call that raised. Places in the user's files, innermost last. */
export const failureSchema = z.object({ error: z.string(), at: z.array(z.string()) });
