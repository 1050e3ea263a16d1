import type { Message } from '../problem.ts';

const maxCharacters = 120;

/**
 * Returns the beginning of the last user message as one line of at most 120 characters, to identify a problem next to
 * its id. System messages are left out because they are the same for all problems.
 */
export function promptBeginning(prompt: readonly Message[]): string {
  const message = prompt.findLast(({ role }) => role === 'user') ?? prompt.at(-1);
  // Bound the work for prompts that are megabytes long.
  const text = (message?.content ?? '').slice(0, 10 * maxCharacters).trim();
  const line = text.replaceAll(/\s+/gu, ' ');
  return line.length <= maxCharacters ? line : `${line.slice(0, maxCharacters - 1)}…`;
}
