import type { Message } from '../problem.ts';

const maxCharacters = 120;

/**
 * Returns the beginning of a prompt as one line, to name a problem beside its id: of the last message by the user, because
 * system messages are the same for all problems. At most 120 characters.
 */
export function promptBeginning(prompt: readonly Message[]): string {
  const message = prompt.findLast(({ role }) => role === 'user') ?? prompt.at(-1);
  // Bounds the work on a prompt of megabytes.
  const text = (message?.content ?? '').slice(0, 10 * maxCharacters).trim();
  const line = text.replaceAll(/\s+/gu, ' ');
  return line.length <= maxCharacters ? line : `${line.slice(0, maxCharacters - 1)}…`;
}
