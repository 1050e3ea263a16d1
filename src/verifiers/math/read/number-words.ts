const small =
  'zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen'.split(
    ' ',
  );
const tens = 'twenty thirty forty fifty sixty seventy eighty ninety'.split(' ');

/** Words that scale the number before them, with their factors as fractions `[numerator, denominator]`. */
const scales: ReadonlyMap<string, readonly [bigint, bigint]> = new Map<string, readonly [bigint, bigint]>([
  ...Object.entries({
    hundred: 2,
    thousand: 3,
    lakh: 5,
    million: 6,
    mil: 6,
    mn: 6,
    crore: 7,
    billion: 9,
    bn: 9,
    trillion: 12,
    quadrillion: 15,
    百: 2,
    千: 3,
    万: 4,
    萬: 4,
    十万: 5,
    百万: 6,
    千万: 7,
    亿: 8,
    億: 8,
    十亿: 9,
    百亿: 10,
    千亿: 11,
    万亿: 12,
    兆: 12,
  }).map(([word, zeros]): [string, readonly [bigint, bigint]] => [word, [10n ** BigInt(zeros), 1n]]),
  ['dozen', [12n, 1n]],
  ['score', [20n, 1n]],
  ['gross', [144n, 1n]],
  ['tens', [10n, 1n]],
  ['打', [12n, 1n]],
  ...Object.entries({
    tenth: 10n,
    hundredth: 100n,
    thousandth: 1000n,
    millionth: 10n ** 6n,
    billionth: 10n ** 9n,
  }).map(([word, part]): [string, readonly [bigint, bigint]] => [word, [1n, part]]),
  ...['half:2', 'third:3', 'fourth:4', 'fifth:5', 'sixth:6', 'seventh:7', 'eighth:8', 'ninth:9'].map(
    (entry): [string, readonly [bigint, bigint]] => [
      entry.split(':')[0]!,
      [1n, BigInt(entry.split(':')[1]!)],
    ],
  ),
  ['halve', [1n, 2n]],
]);

/** Returns the factor of a scale word: 10^6 for `million`, `millions` and `Million`; undefined for other words. */
export function scaleOf(word: string): readonly [bigint, bigint] | undefined {
  const lower = word.toLowerCase();
  // "Scores" more often means results than multiples of twenty.
  if (lower === 'scores') return undefined;
  return scales.get(lower) ?? (lower.endsWith('s') ? scales.get(lower.slice(0, -1)) : undefined);
}

/** Returns the scale at the start of a run of Chinese characters, and the rest: `万元` scales, `千克` is a unit. */
export function chineseScale(run: string): { readonly scale: string; readonly rest: string } | undefined {
  if (/^[千百][克米瓦卡帕赫伏吨焦欧安升分]/.test(run)) return undefined;
  const scale = /^(?:[十百千万]?[亿億]|[十百千]万|[百千万萬兆]|打(?!折))/.exec(run)?.[0];
  return scale === undefined ? undefined : { scale, rest: run.slice(scale.length) };
}

/**
 * Returns the whole number that English words spell out (`forty-two`, `one hundred and five`), or undefined for other
 * text.
 */
export function numberFromWords(text: string): bigint | undefined {
  const words = text.toLowerCase().split(/[\s-]+/);
  if (words.length > 16 || (!small.includes(words[0]!) && !tens.includes(words[0]!))) return undefined;
  let [total, group] = [0n, 0n];
  let previous = '';
  for (const word of words) {
    if (word === 'and') {
      if (previous !== 'hundred' && scales.get(previous) === undefined) return undefined;
    } else if (word === 'hundred') {
      if (group < 1n || group > 99n) return undefined;
      group *= 100n;
    } else if (word === 'thousand' || word === 'million' || word === 'billion' || word === 'trillion') {
      if (group === 0n) return undefined;
      total += group * scales.get(word)![0];
      group = 0n;
    } else {
      const value = smallNumber(word);
      const isAfterTens = tens.includes(previous) && value !== undefined && value > 0n && value < 10n;
      const isFree = previous === '' || previous === 'and' || previous === 'hundred' || scales.has(previous);
      if (value === undefined || !(isFree || isAfterTens)) return undefined;
      group += value;
    }
    previous = word;
  }
  return previous === 'and' ? undefined : total + group;
}

/** Returns the fraction that words spell out: `two thirds`, `one-half`, `three quarters`. */
export function fractionFromWords(text: string): readonly [bigint, bigint] | undefined {
  const found = /^(.+)[\s-](\S+)$/.exec(text.toLowerCase());
  if (found === null) return undefined;
  const part = /^quarters?$/.test(found[2]!) ? ([1n, 4n] as const) : scaleOf(found[2]!);
  const count = found[1] === 'a' ? 1n : numberFromWords(found[1]!);
  return part === undefined || part[0] !== 1n || count === undefined ? undefined : [count, part[1]];
}

/** Returns whether a word counts or scales: `seven`, `forty-two`, `million`. */
export function isNumberWord(word: string): boolean {
  return scaleOf(word) !== undefined || numberFromWords(word) !== undefined;
}

function smallNumber(word: string): bigint | undefined {
  const ten = tens.indexOf(word);
  if (ten >= 0) return BigInt(ten * 10 + 20);
  const index = small.indexOf(word);
  return index < 0 ? undefined : BigInt(index);
}
