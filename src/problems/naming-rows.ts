import { DataError } from '../core/errors.ts';

/** Runs `work`; prefixes `where` (file and row) to the message of a `DataError` that lacks it. */
export function naming<T>(where: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof DataError) || error.message.startsWith(where)) throw error;
    const { tryNext } = error;
    throw new DataError(`${where}: ${error.message}`, {
      cause: error,
      ...(tryNext === undefined ? {} : { tryNext }),
    });
  }
}
