import { stringifyJson } from '../core/lossless-json.ts';
import { createHash } from 'node:crypto';
import type { Problem } from '../core/problem.ts';

/** 64 bits, in hex, of what a problem asks and what counts as right: equal for problems that say the very same. */
export function contentDigest({
  prompt,
  answer,
  tests,
}: Pick<Problem, 'prompt' | 'answer' | 'tests'>): string {
  const words = prompt.map(({ role, content }) => [role, content]);
  const text = stringifyJson([words, answer ?? null, tests ?? null]);
  return createHash('sha256').update(text).digest('hex').slice(0, 16);
}
