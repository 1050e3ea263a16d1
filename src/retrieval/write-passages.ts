import type { Passage } from './passage.ts';

/**
 * Formats for passages, one per line. `numbered`: `(1)title text`; `titled`: `Doc 1(Title: title) text`; `plain`: only
 * the text.
 */
export const layouts = ['numbered', 'titled', 'plain'] as const;
export type PassageLayout = (typeof layouts)[number];

/** Formats passages for a prompt; each ends with a line feed. */
export function writePassages(found: readonly Passage[], layout: PassageLayout): string {
  if (found.length === 0) return 'No passage found.\n';
  return found.map((passage, i) => `${writePassage(passage, i + 1, layout)}\n`).join('');
}

function writePassage({ title, text }: Passage, number: number, layout: PassageLayout): string {
  switch (layout) {
    case 'numbered':
      return `(${number})${title === undefined ? '' : `${title} `}${text}`;
    case 'titled':
      return `Doc ${number}${title === undefined ? '' : `(Title: ${title})`} ${text}`;
    case 'plain':
      return text;
  }
}
