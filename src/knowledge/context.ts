import { ConfigError } from '../core/errors.ts';
import type { Message } from '../core/problem.ts';
import { createRng } from '../core/rng.ts';
import { contentOf, type Passage } from '../retrieval/passage.ts';
import { type PassageLayout, writePassages } from '../retrieval/write-passages.ts';
import { questionOf } from './candidates.ts';

/** How passages are inserted into a prompt. */
export interface ContextFormat {
  /** Template of the new last message, with `{passages}` and `{question}`. */
  readonly template: string;
  readonly layout: PassageLayout;
}

/** The default format; KARD's prompts have the same parts. */
export const defaultContext: ContextFormat = {
  template: '{question}\n\nKnowledge:\n{passages}',
  layout: 'numbered',
};

/** Checks a template. @throws ConfigError unless it contains `{question}` and `{passages}`. */
export function requireContextTemplate(template: string): void {
  const missing = ['{question}', '{passages}'].filter((name) => !template.includes(name));
  if (missing.length > 0)
    throw new ConfigError(
      `expected a template with {question} and {passages}, got one without ${missing.join(' and ')}: ${JSON.stringify(template)}`,
    );
}

/** Returns the prompt with passages inserted into its last message. */
export function withPassages(
  prompt: readonly Message[],
  passages: readonly Passage[],
  { template, layout }: ContextFormat,
): readonly Message[] {
  const texts: Readonly<Record<string, string>> = {
    question: questionOf(prompt),
    passages: writePassages(passages, layout),
  };
  const content = template.replaceAll(/\{(question|passages)\}/g, (_, name: string) => texts[name]!);
  return [...prompt.slice(0, -1), { ...prompt.at(-1)!, content }];
}

/** Returns whether a passage contains the gold answer as consecutive words, ignoring case and punctuation. */
export function statesGold(passages: readonly Passage[], gold: string): boolean {
  const words = wordsOf(gold);
  return words.trim() !== '' && passages.some((passage) => wordsOf(contentOf(passage)).includes(words));
}

/** Returns the words of a text in lower case, with a space before and after each. */
const wordsOf = (text: string): string =>
  ` ${(
    text
      .normalize('NFKC')
      .toLowerCase()
      .match(/[\p{L}\p{M}\p{N}]+/gu) ?? []
  ).join(' ')} `;

/**
 * Returns the items in a random order in which none stays in place (unless there is only one). The control condition
 * uses it to give each question the passages of a different one.
 */
export function deranged<Item>(items: readonly Item[], seed: number): Item[] {
  const order = createRng(seed, 'deranged').shuffle(items.map((_, i) => i));
  const moved = items.slice();
  for (const [place, index] of order.entries()) moved[index] = items[order[(place + 1) % order.length]!]!;
  return moved;
}
