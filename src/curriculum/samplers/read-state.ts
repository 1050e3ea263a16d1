import * as z from 'zod';
import { RunError } from '../../core/errors.ts';

/** Validates a saved state. @throws {RunError} naming the invalid part of the checkpoint. */
export function readState<T extends z.ZodType>(schema: T, state: unknown, owner: string): z.infer<T> {
  const result = schema.safeParse(state);
  if (result.success) return result.data;
  throw new RunError(
    `expected a saved state of the ${owner}, got something else: ${z.prettifyError(result.error)}. ` +
      `The checkpoint belongs to another recipe or was edited.`,
    { tryNext: 'gradus runs list' },
  );
}
