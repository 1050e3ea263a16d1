import type { Passage } from './passage.ts';

/** How passages are written: `(1)title text`; `Doc 1(Title: title) text`; or only the text. One passage per line. */
export const layouts = ['numbered', 'titled', 'plain'] as const;
export type PassageLayout = (typeof layouts)[number];

/** Formats passages for a model; each ends with a line feed. */
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
