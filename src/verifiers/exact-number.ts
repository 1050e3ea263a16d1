/** An exact fraction in lowest terms; `bottom` > 0. */
interface Rational {
  readonly top: bigint;
  readonly bottom: bigint;
}

/**
 * Whether two short answers say the same: as exact numbers (integers, decimals, fractions, `\frac`) where both are
 * numbers, else as texts without spaces and dollar signs. 0.5, 1/2 and \frac{2}{4} are equal; 0.333 and 1/3 are not.
 */
export function sameAnswer(one: string, other: string): boolean {
  const [left, right] = [normaliseAnswer(one), normaliseAnswer(other)];
  const [a, b] = [parseRational(left), parseRational(right)];
  if (a === undefined || b === undefined) return left === right;
  return a.top === b.top && a.bottom === b.bottom;
}

/** An answer without what does not change its meaning: spaces, dollar signs, a leading `x=`, a final full stop. */
export function normaliseAnswer(answer: string): string {
  return answer
    .replaceAll(/\\[,;:! ]|\\left|\\right|[\s$]/g, '')
    .replaceAll(/\\[dt]frac/g, '\\frac')
    .replace(/^[a-zA-Z]=/, '')
    .replace(/\.$/, '');
}

const number = String.raw`\d+(?:,\d{3})*(?:\.\d+)?|\.\d+`;
const fraction = new RegExp(
  String.raw`^([-+]?)(?:(${number})(?:/(${number}))?|\\frac\{(-?(?:${number}))\}\{(${number})\})$`,
);
/** Answers longer than this are compared as texts. */
const maxDigits = 1000;

function parseRational(text: string): Rational | undefined {
  if (text.length > maxDigits) return undefined;
  const match = fraction.exec(text);
  if (match === null) return undefined;
  const [, sign, top, bottom, latexTop, latexBottom] = match;
  const [a, b] = [parseDecimal(top ?? latexTop!), parseDecimal(bottom ?? latexBottom ?? '1')];
  if (b.top === 0n) return undefined;
  const signed = sign === '-' ? -a.top : a.top;
  return reduce(signed * b.bottom, a.bottom * b.top);
}

function parseDecimal(text: string): Rational {
  const [whole, decimals = ''] = text.replaceAll(',', '').split('.');
  return { top: BigInt(`${whole}${decimals}`), bottom: 10n ** BigInt(decimals.length) };
}

function reduce(top: bigint, bottom: bigint): Rational {
  let [a, b] = [top < 0n ? -top : top, bottom];
  while (b !== 0n) [a, b] = [b, a % b];
  return { top: top / a, bottom: bottom / a };
}
