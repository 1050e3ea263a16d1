import { stringifyJson } from '../core/lossless-json.ts';
import { createHash } from 'node:crypto';
import type { Problem } from '../core/problem.ts';

/** Returns the first 64 bits, in hex, of the SHA-256 of a problem's prompt, answer and tests. */
export function contentDigest({
  prompt,
  answer,
  tests,
}: Pick<Problem, 'prompt' | 'answer' | 'tests'>): string {
  // Prompts without images keep the digests that they had before Gradus supported images.
  const words = prompt.map(({ role, content, images = [] }) => [
    role,
    content,
    ...images.map(({ sha256 }) => sha256),
  ]);
  const text = stringifyJson([words, answer ?? null, tests ?? null]);
  return createHash('sha256').update(text).digest('hex').slice(0, 16);
}
