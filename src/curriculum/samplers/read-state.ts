import * as z from 'zod';
import { RunError } from '../../core/errors.ts';

/** A saved state checked against its schema; a `RunError` says which part of the checkpoint does not fit. */
export function readState<T extends z.ZodType>(schema: T, state: unknown, owner: string): z.infer<T> {
  const result = schema.safeParse(state);
  if (result.success) return result.data;
  throw new RunError(
    `expected a saved state of the ${owner}, got something else: ${z.prettifyError(result.error)}. ` +
      `The checkpoint belongs to another recipe or was edited.`,
    { tryNext: 'gradus runs list' },
  );
}
