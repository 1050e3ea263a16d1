import { fileURLToPath } from 'node:url';
import * as z from 'zod';

/** The program that a process runs; its docstring documents the protocol. */
export const harnessFile = fileURLToPath(new URL('harness.py', import.meta.url));

/** The first line sent to the process. */
export interface Setup {
  /** Absolute path of the file, with symbolic links resolved. */
  readonly file: string;
  readonly function: string;
  readonly maxLoadSeconds: number;
  /** Wall-clock limit per call. */
  readonly maxSeconds: number;
  /**
   * Content of the files in base64, by path, as it was when the verifier was opened. If absent, the process reads the
   * files.
   */
  readonly sources?: Readonly<Record<string, string>>;
}

/** The first line from the process, if the function is loaded. */
export const loadedSchema = z.object({
  /** Python version. */
  version: z.string(),
  interpreter: z.string(),
  parameters: z.array(z.object({ name: z.string(), isRequired: z.boolean() })),
  takesAny: z.boolean(),
  /** Content of the file and of its local imports in base64, by path. */
  sources: z.record(z.string(), z.string()),
});

/** The first line from the process, if loading failed. `at`: locations in the user's files, innermost last. */
export const refusalSchema = z.object({ refused: z.string(), at: z.array(z.string()) });

/** Reply to a call: the score as returned (`null` if the completion was not judged) and other details. */
export const saidSchema = z.object({
  score: z.number().nullable(),
  details: z.record(z.string(), z.unknown()),
});

/** See `saidSchema`. */
export type Said = z.output<typeof saidSchema>;

/** Reply to a call that raised. `at`: locations in the user's files, innermost last. */
export const failureSchema = z.object({ error: z.string(), at: z.array(z.string()) });
