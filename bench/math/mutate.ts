/** A change that turns a gold answer into a different answer; undefined if the rule does not apply. */
interface Mutation {
  readonly name: string;
  readonly mutate: (gold: string) => string | undefined;
}

/** Mutations by rule. */
export const mutations: readonly Mutation[] = [
  { name: 'first number plus one', mutate: (gold) => changeNumber(gold, 'first', (n) => n + 1) },
  { name: 'last number plus one', mutate: (gold) => changeNumber(gold, 'last', (n) => n + 1) },
  { name: 'first number plus ten', mutate: (gold) => changeNumber(gold, 'first', (n) => n + 10) },
  { name: 'last number doubled plus one', mutate: (gold) => changeNumber(gold, 'last', (n) => 2 * n + 1) },
  { name: 'last digit lost', mutate: (gold) => (/^-?[1-9]\d+$/.test(gold) ? gold.slice(0, -1) : undefined) },
  { name: 'zero appended', mutate: (gold) => (/^-?[1-9]\d*$/.test(gold) ? `${gold}0` : undefined) },
  { name: 'sign changed', mutate: changeSign },
  { name: 'fraction inverted', mutate: turnFraction },
  { name: 'a half added', mutate: (gold) => (/^-?\d+$/.test(gold) ? `${gold}.5` : undefined) },
  { name: 'rounded fraction', mutate: roundFraction },
  { name: 'pi lost', mutate: (gold) => (/^-?\d+\\pi$/.test(gold) ? gold.replace('\\pi', '') : undefined) },
  {
    name: 'root lost',
    mutate: (gold) => (/^-?\d*\\sqrt\{\d+\}$/.test(gold) ? gold.replace('\\sqrt', '') : undefined),
  },
  {
    name: 'cube root for square root',
    mutate: (gold) => (/^-?\d*\\sqrt\{\d+\}$/.test(gold) ? gold.replace('\\sqrt', '\\sqrt[3]') : undefined),
  },
  { name: 'tuple reversed', mutate: turnTuple },
  {
    name: 'item lost',
    mutate: (gold) =>
      /^\(?-?\d+(?:, ?-?\d+)+\)?$/.test(gold) ? gold.replace(/, ?-?\d+(?=\)?$)/, '') : undefined,
  },
  {
    name: 'bracket opened',
    mutate: (gold) => (/^\[-?\d[^\\]*[\])]$/.test(gold) ? gold.replace('[', '(') : undefined),
  },
  {
    name: 'bracket closed',
    mutate: (gold) =>
      /^[[(][^\\]*\d\)$/.test(gold) && gold.split(',').length === 2 ? gold.replace(/\)$/, ']') : undefined,
  },
  { name: 'another letter', mutate: (gold) => nextLetter(gold) },
  {
    name: 'another variable',
    mutate: (gold) => (/^[\dx^+\- ()]*x[\dx^+\- ()]*$/.test(gold) ? gold.replaceAll('x', 'z') : undefined),
  },
  {
    name: 'plus for minus',
    mutate: (gold) =>
      /[\d}a-z)] ?- ?[\d\\a-z]/.test(gold) && !/text|matrix/.test(gold)
        ? gold.replace(/([\d}a-z)] ?)-( ?[\d\\a-z])/, '$1+$2')
        : undefined,
  },
  {
    name: 'another term added',
    mutate: (gold) =>
      /^-?[\d\\]/.test(gold) && !/text|matrix|,|=|cup|circ/.test(gold) ? `${gold} + \\sqrt{2}` : undefined,
  },
];

function changeNumber(
  gold: string,
  which: 'first' | 'last',
  change: (n: number) => number,
): string | undefined {
  if (/\\(?:text|mbox|textnormal)\{[^}]*\} ?\^/.test(gold)) return undefined;
  const numbers = [...gold.replaceAll(',\\!', '').matchAll(/\d+/g)];
  const chosen = which === 'first' ? numbers[0] : numbers.at(-1);
  if (chosen === undefined || chosen[0].length > 15) return undefined;
  const plain = gold.replaceAll(',\\!', '');
  return (
    plain.slice(0, chosen.index) + change(Number(chosen[0])) + plain.slice(chosen.index + chosen[0].length)
  );
}

function changeSign(gold: string): string | undefined {
  if (!/^-?(?:\d+|\\[dt]?frac\{\d+\}\{\d+\}|\d*\\sqrt\{\d+\}|\d+\\pi)$/.test(gold) || /^-?0+$/.test(gold))
    return undefined;
  return gold.startsWith('-') ? gold.slice(1) : `-${gold}`;
}

function turnFraction(gold: string): string | undefined {
  const match = /^(-?)\\[dt]?frac\{(\d+)\}\{(\d+)\}$/.exec(gold);
  return match && match[2] !== match[3] && match[2] !== '0'
    ? `${match[1]}\\frac{${match[3]}}{${match[2]}}`
    : undefined;
}

function roundFraction(gold: string): string | undefined {
  const match = /^\\[dt]?frac\{(\d+)\}\{(\d+)\}$/.exec(gold);
  if (!match) return undefined;
  const value = Number(match[1]) / Number(match[2]);
  const rounded = value.toFixed(2);
  return Math.abs(Number(rounded) - value) > 1e-9 ? rounded : undefined;
}

function turnTuple(gold: string): string | undefined {
  const match = /^\((-?\d+), ?(-?\d+)\)$/.exec(gold);
  return match && match[1] !== match[2] ? `(${match[2]}, ${match[1]})` : undefined;
}

function nextLetter(gold: string): string | undefined {
  const match = /^(\\text\{\(?)([A-Y])(\)?\})$/.exec(gold);
  return match ? `${match[1]}${String.fromCharCode(match[2]!.charCodeAt(0) + 1)}${match[3]}` : undefined;
}
