import type { Problem } from '../../core/problem.ts';
import { withoutInterfaceNote } from '../shapes/interface-note.ts';
import { tokensOf } from './normal-form.ts';

/** Whether two golds, spelled differently, are one answer: the math verifier's judgement, where one is at hand. */
export type SameAnswer = (gold: string, other: string) => boolean | Promise<boolean>;

/** Whether two golds agree; `undefined` when one of the two has no gold to compare, as problems with tests. */
export async function goldsAgree(
  gold: string | undefined,
  other: string | undefined,
  sameAnswer: SameAnswer,
): Promise<boolean | undefined> {
  if (gold === undefined || other === undefined) return undefined;
  if (gold === other || tokensOf(gold).join(' ') === tokensOf(other).join(' ')) return true;
  return sameAnswer(gold, other);
}

/** The text that a problem is compared by: everything the user says in it, but for the form that a program shall have. */
export function questionOf({ prompt }: Pick<Problem, 'prompt'>): string {
  const said = prompt.filter(({ role }) => role === 'user').map(({ content }) => content);
  return withoutInterfaceNote(said.length === 1 ? said[0]! : said.join('\n'));
}
