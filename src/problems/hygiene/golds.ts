import type { Problem } from '../../core/problem.ts';
import { withoutInterfaceNote } from '../shapes/interface-note.ts';
import { imagesOf } from '../../core/image.ts';
import { tokensOf } from './normal-form.ts';

/** Returns whether two golds that are spelled differently are the same answer, as the math verifier decides. */
export type SameAnswer = (gold: string, other: string) => boolean | Promise<boolean>;

/** Returns whether two golds agree; `undefined` if one is missing, as for problems with tests. */
export async function goldsAgree(
  gold: string | undefined,
  other: string | undefined,
  sameAnswer: SameAnswer,
): Promise<boolean | undefined> {
  if (gold === undefined || other === undefined) return undefined;
  if (gold === other || tokensOf(gold).join(' ') === tokensOf(other).join(' ')) return true;
  return sameAnswer(gold, other);
}

/** Returns the text by which problems are compared: all user messages, without the note on the form of programs. */
export function questionOf({ prompt }: Pick<Problem, 'prompt'>): string {
  const said = prompt.filter(({ role }) => role === 'user').map(({ content }) => content);
  return withoutInterfaceNote(said.length === 1 ? said[0]! : said.join('\n'));
}

/**
 * Returns the text that decides whether two problems are the same: the question and, for each image, a number derived
 * from its hash. Comparisons treat texts with different numbers or images as different problems.
 */
export const comparedQuestionOf = (problem: Pick<Problem, 'prompt'>): string =>
  [
    questionOf(problem),
    ...imagesOf(problem.prompt).map(({ sha256 }) => BigInt(`0x${sha256.slice(0, 15)}`)),
  ].join('\n');
