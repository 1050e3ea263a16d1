import { createHash } from 'node:crypto';
import type { Problem } from '../core/problem.ts';

/**
 * Names what is asked and what counts as right: a digest of prompt, gold answer and tests. Pass rates belong to an
 * edition, so a reworded problem or a mended gold is measured again although its id is the same.
 */
export function editionOf({ prompt, answer, tests }: Problem): string {
  const words = prompt.map(({ role, content }) => [role, content]);
  const text = JSON.stringify([words, answer ?? null, tests ?? null]);
  return createHash('sha256').update(text).digest('hex').slice(0, 16);
}
