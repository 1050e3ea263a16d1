/** An equivalent spelling of a gold answer; undefined if the rule does not apply. */
interface Spelling {
  readonly name: string;
  readonly respell: (gold: string) => string | undefined;
}

const plainValue = /^-?[\d\\a-z{}().+\-*/^ ]+$/;
const wholeNumber = /^-?\d+$/;
const simpleFraction = /^(-?)\\[dt]?frac\{(\d+)\}\{(\d+)\}$/;

/** Spellings by rule. Each rule checks whether it applies, and never guesses the meaning of an answer. */
export const spellings: readonly Spelling[] = [
  { name: 'in dollar signs', respell: (gold) => `$${gold}$` },
  { name: 'in display brackets', respell: (gold) => `\\[${gold}\\]` },
  { name: 'with a full stop', respell: (gold) => `${gold}.` },
  { name: 'with outer spaces', respell: (gold) => `  ${gold}\n` },
  { name: 'displaystyle', respell: (gold) => `\\displaystyle ${gold}` },
  { name: 'boxed again', respell: (gold) => `\\boxed{${gold}}` },
  { name: 'fraction of another size', respell: (gold) => replaced(gold, /\\[dt]?frac/g, '\\dfrac') },
  { name: 'small fraction', respell: (gold) => replaced(gold, /\\[dt]?frac/g, '\\tfrac') },
  {
    name: 'slash for a fraction',
    respell: (gold) => replaced(gold, /^(-?)\\[dt]?frac\{(\d+)\}\{(\d+)\}$/, '$1$2/$3'),
  },
  { name: 'brackets that do not grow', respell: (gold) => replaced(gold, /\\(?:left|right)(?![a-z])/g, '') },
  { name: 'brackets that grow', respell: growBrackets },
  {
    name: 'thin spaces',
    respell: (gold) => (/\\text|\\mbox|\\!/.test(gold) ? undefined : replaced(gold, / (?=[^\\]|$)/g, '\\, ')),
  },
  {
    name: 'spaces around signs',
    respell: (gold) =>
      /[a-z]{2}|\\[!,]/.test(gold.replaceAll(/\\[a-z]+/g, ''))
        ? undefined
        : replaced(gold, /(?<=[\d}a-z)])([+=<>])(?=[\d\\a-z(])/g, ' $1 '),
  },
  {
    name: 'with decimal point and zeros',
    respell: (gold) => (wholeNumber.test(gold) ? `${gold}.00` : undefined),
  },
  { name: 'grouped thousands', respell: (gold) => (wholeNumber.test(gold) ? group(gold, ',') : undefined) },
  {
    name: 'grouped with thin spaces',
    respell: (gold) => (wholeNumber.test(gold) ? group(gold, ',\\!') : undefined),
  },
  {
    name: 'grouped with braces',
    respell: (gold) => (wholeNumber.test(gold) ? group(gold, '{,}') : undefined),
  },
  { name: 'ungrouped', respell: (gold) => replaced(gold, /(?<=\d),\\!(?=\d{3})/g, '') },
  {
    name: 'as an assignment',
    respell: (gold) => (wholeNumber.test(gold) || simpleFraction.test(gold) ? `x = ${gold}` : undefined),
  },
  {
    name: 'as an approximation',
    respell: (gold) => (wholeNumber.test(gold) ? `n \\approx ${gold}` : undefined),
  },
  { name: 'with a unit', respell: (gold) => (wholeNumber.test(gold) ? `${gold} \\text{ units}` : undefined) },
  {
    name: 'with a power of a unit',
    respell: (gold) => (wholeNumber.test(gold) ? `${gold}\\text{ cm}^2` : undefined),
  },
  { name: 'in dollars', respell: (gold) => (wholeNumber.test(gold) ? `\\$${gold}` : undefined) },
  { name: 'in degrees', respell: (gold) => (wholeNumber.test(gold) ? `${gold}^\\circ` : undefined) },
  { name: 'without degrees', respell: (gold) => replaced(gold, /^(-?\d+)\^\{?\\circ\}?$/g, '$1') },
  { name: 'degrees in words', respell: (gold) => replaced(gold, /^(-?\d+)\^\\circ$/, '$1 \\text{ degrees}') },
  { name: 'without words', respell: (gold) => replaced(gold, /(?<=\d ?)\\text\{ ?[a-z]+\}$/, '') },
  { name: 'plain letters for text', respell: (gold) => replaced(gold, /^\\text\{\(?([A-Z])\)?\}$/, '$1') },
  { name: 'bold letters for text', respell: (gold) => replaced(gold, /^\\text\{/, '\\textbf{') },
  { name: 'bare percent sign', respell: (gold) => replaced(gold, /\\%/g, '%') },
  { name: 'without percent sign', respell: (gold) => replaced(gold, /^(\d+)\\%$/, '$1') },
  {
    name: 'explicit product',
    respell: (gold) => replaced(gold, /(?<=^-?\d+|[+-] ?\d+)(?=\\(?:sqrt|pi))/g, ' \\cdot '),
  },
  {
    name: 'star for product',
    respell: (gold) => replaced(gold, /(?<=^-?\d+|[+-] ?\d+)(?=\\(?:sqrt|pi))/g, '*'),
  },
  { name: 'root as a power', respell: (gold) => replaced(gold, /\\sqrt\{(\d+)\}/g, '{$1}^{1/2}') },
  { name: 'root in plain text', respell: (gold) => replaced(gold, /^(-?\d*)\\sqrt\{(\d+)\}$/, '$1sqrt($2)') },
  {
    name: 'cancellable fraction',
    respell: (gold) => (gold.replace(simpleFraction, '') === '' ? scaleFraction(gold) : undefined),
  },
  {
    name: 'fraction with negative denominator',
    respell: (gold) => replaced(gold, /^-\\[dt]?frac\{(\d+)\}\{(\d+)\}$/, '\\frac{$1}{-$2}'),
  },
  {
    name: 'sum reversed',
    respell: (gold) =>
      replaced(gold, /^(\d*(?:\\sqrt\{\d+\}|\\pi)?) ?\+ ?(\d*(?:\\sqrt\{\d+\}|\\pi|i))$/, '$2 + $1'),
  },
  {
    name: 'difference reversed',
    respell: (gold) =>
      replaced(gold, /^(\d+(?:\\sqrt\{\d+\}|\\pi)?) ?- ?(\d+(?:\\sqrt\{\d+\}|\\pi|i)?)$/, '-$2 + $1'),
  },
  { name: 'plus zero', respell: (gold) => (isPlainValue(gold) ? `${gold} + 0` : undefined) },
  {
    name: 'times one',
    respell: (gold) =>
      wholeNumber.test(gold) || simpleFraction.test(gold)
        ? `1 \\cdot ${gold.replace(/^-.*/, '($&)')}`
        : undefined,
  },
  { name: 'other matrix brackets', respell: (gold) => replaced(gold, /\{pmatrix\}/g, '{bmatrix}') },
  {
    name: 'list reversed',
    respell: (gold) =>
      /^-?\d+(?:, ?-?\d+)+$/.test(gold) && !/,\d{3}(?!\d)/.test(gold)
        ? gold.split(',').toReversed().join(', ')
        : undefined,
  },
  {
    name: 'list as a set',
    respell: (gold) =>
      /^-?\d+(?:, ?-?\d+)+$/.test(gold) && !/,\d{3}(?!\d)/.test(gold) ? `\\{${gold}\\}` : undefined,
  },
  {
    name: 'list with "and"',
    respell: (gold) =>
      /^-?\d+, ?-?\d+$/.test(gold) && !/,\d{3}(?!\d)/.test(gold)
        ? gold.replace(',', ' \\text{ and } ')
        : undefined,
  },
  {
    name: 'interval as membership',
    respell: (gold) =>
      /^[[(]-?[\d\\]\S*,.*[\])]$/.test(gold) &&
      /[[\]]|infty/.test(gold) &&
      !/matrix|\\left/.test(gold) &&
      gold.split(',').length === 2
        ? `x \\in ${gold}`
        : undefined,
  },
  { name: 'union sign', respell: (gold) => replaced(gold, /\\cup/g, '∪') },
  { name: 'pi in Unicode', respell: (gold) => replaced(gold, /\\pi(?![a-z])/g, 'π') },
  {
    name: 'Unicode minus',
    respell: (gold) => (gold.includes('\\text') ? undefined : replaced(gold, /-/g, '−')),
  },
  {
    name: 'escaped twice',
    respell: (gold) =>
      gold.includes('\\\\') || !/\\[a-z]/.test(gold) ? undefined : gold.replaceAll('\\', '\\\\'),
  },
  { name: 'braces around the exponent', respell: (gold) => replaced(gold, /\^(\d)(?!\d)/g, '^{$1}') },
  { name: 'double stars for powers', respell: (gold) => replaced(gold, /(?<=[a-z\d])\^(\d)(?!\d)/g, '**$1') },
  { name: 'decimal for a fraction', respell: decimalForFraction },
];

function isPlainValue(gold: string): boolean {
  return (
    plainValue.test(gold) &&
    !/\\(?:text|begin|mbox|cup|in|le|ge|circ|overline)|[a-z]{2}[^a-z{]|,/.test(
      gold.replaceAll(/\\(?:[dt]?frac|sqrt|pi)/g, ''),
    ) &&
    !/^[A-Za-z]+$/.test(gold)
  );
}

/** Replaces matches; returns undefined if there is no match. */
function replaced(gold: string, pattern: RegExp, replacement: string): string | undefined {
  const changed = gold.replaceAll(
    new RegExp(pattern, pattern.flags.includes('g') ? pattern.flags : `${pattern.flags}g`),
    replacement,
  );
  return changed === gold ? undefined : changed;
}

function growBrackets(gold: string): string | undefined {
  if (/\\left|\\\{|\\text|matrix/.test(gold)) return undefined;
  return replaced(replaced(gold, /[([]/g, '\\left$&') ?? gold, /[)\]]/g, '\\right$&');
}

function group(gold: string, mark: string): string | undefined {
  const digits = gold.replace('-', '');
  if (digits.length < 4 || digits.startsWith('0')) return undefined;
  return (gold.startsWith('-') ? '-' : '') + digits.replaceAll(/(?<=\d)(?=(?:\d{3})+$)/g, mark);
}

function scaleFraction(gold: string): string {
  return gold.replace(
    simpleFraction,
    (_all, sign: string, top: string, bottom: string) =>
      `${sign}\\frac{${Number(top) * 3}}{${Number(bottom) * 3}}`,
  );
}

/** Writes a fraction as a decimal; only if the decimal terminates. */
function decimalForFraction(gold: string): string | undefined {
  const match = simpleFraction.exec(gold);
  if (!match) return undefined;
  const scaled = Number(match[2]) * (1e6 / Number(match[3]));
  if (!Number.isInteger(1e6 / Number(match[3])) || !Number.isSafeInteger(scaled)) return undefined;
  return `${match[1]}${scaled / 1e6}`;
}
