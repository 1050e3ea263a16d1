import { wholeNode } from './numerals.ts';
import type { Cursor } from './cursor.ts';
import type { MathNode } from '../syntax.ts';

/** Sets of numbers that have a letter: ℝ, ℤ, ℕ, ℚ, ℂ. */
export const numberSets: ReadonlySet<string> = new Set(
  'reals integers naturals rationals complexes'.split(' '),
);

/** Signs after the letter that restrict the set, spelled without braces. */
const parts: Readonly<Record<string, 'positive' | 'negative' | 'nonnegative' | 'nonzero'>> = {
  '^+': 'positive',
  '_+': 'positive',
  '_>0': 'positive',
  '^-': 'negative',
  '_-': 'negative',
  '_<0': 'negative',
  _ge0: 'nonnegative',
  '^*': 'nonzero',
  '_*': 'nonzero',
  _ne0: 'nonzero',
};

/**
 * Parses the set that a letter names, or the part that a following sign selects: `\mathbb{R}^+`, `\mathbb{Z}_{\ge 0}`.
 */
export function parseNumberSet(cursor: Cursor, name: string): MathNode {
  const set: MathNode = { kind: 'constant', name };
  const script = cursor.peek()?.value;
  if (script !== '^' && script !== '_') return set;
  const isBraced = cursor.peek(1)?.value === '{';
  let spelling = script;
  let length = isBraced ? 2 : 1;
  for (; isBraced ? cursor.peek(length)?.value !== '}' : length === 1; length++) {
    const token = cursor.peek(length);
    if (token === undefined || spelling.length > 8) return set;
    spelling += token.value;
  }
  const part = parts[spelling];
  if (part === undefined) return set;
  for (let taken = isBraced ? -1 : 0; taken < length; taken++) cursor.take();
  return partOf(set, name, part);
}

/** Returns a part of a set: an interval for the reals, or a name for any other set. */
function partOf(set: MathNode, name: string, part: (typeof parts)[string]): MathNode {
  if (name !== 'reals') return { kind: 'variable', name: `\\${name} ${part}` };
  const [zero, infinity]: MathNode[] = [wholeNode(0), { kind: 'constant', name: 'infty' }];
  if (part === 'nonzero')
    return {
      kind: 'setOperation',
      operator: '\\setminus',
      left: set,
      right: { kind: 'set', items: [zero!] },
    };
  if (part === 'negative')
    return { kind: 'tuple', open: '(', close: ')', items: [{ kind: 'negate', operand: infinity! }, zero!] };
  return { kind: 'tuple', open: part === 'positive' ? '(' : '[', close: ')', items: [zero!, infinity!] };
}

const setWords =
  /^(?:(?:the )?set of )?(any |all )?(?:of )?(?:the )?(?:(positive|negative|non-? ?negative|non-? ?zero) )?(real|integer|rational|natural|complex)(?:s| numbers?| values?)?(?: (?:of )?[a-z])?$/i;

/**
 * Returns the set that words name: "all real numbers", "any integer", `全体实数`. Except for the reals, returns undefined
 * without a word such as "all".
 */
export function setInWords(text: string): MathNode | undefined {
  if (/^(?:全体实数|任意实数|一切实数)$/.test(text)) return { kind: 'constant', name: 'reals' };
  if (/^(?:positive )?infinity$/i.test(text)) return { kind: 'constant', name: 'infty' };
  const bare = text.replace(/^x can be /i, '').replaceAll(' - ', '-');
  const [, all, part, kind] = setWords.exec(bare) ?? [];
  if (kind === undefined) return undefined;
  const isPlural = /(?:s|numbers?)$/i.test(bare);
  if (all === undefined && !(kind.toLowerCase() === 'real' && isPlural && part === undefined))
    return undefined;
  const name = `${kind.toLowerCase()}s`.replace('complexs', 'complexes');
  const key = part?.toLowerCase().replaceAll(/[- ]/g, '') as (typeof parts)[string] | undefined;
  const set: MathNode = { kind: 'constant', name };
  return key === undefined ? set : partOf(set, name, key);
}
