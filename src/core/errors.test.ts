import { expect, test } from 'vitest';
import { firstError, RunError } from './errors.ts';

test('firstError returns the error of the work, not the errors from disposing its resources', async () => {
  const first = new RunError('the disk is full');
  const work = async (): Promise<never> => {
    await using opened = new AsyncDisposableStack();
    for (const name of ['lock', 'database']) {
      opened.defer(() => {
        throw new Error(`cannot close the ${name}`);
      });
    }
    throw first;
  };
  const thrown: unknown = await work().catch((error: unknown) => error);
  expect(thrown).toBeInstanceOf(SuppressedError);
  expect(firstError(thrown)).toBe(first);
  expect(firstError(first)).toBe(first);
});
