import { RunError } from '../../core/errors.ts';

/** For what an address names and nobody recorded: answered with status 404. */
export function notFound(message: string): RunError {
  return new RunError(message, { code: 'RUN_NOT_FOUND' });
}
