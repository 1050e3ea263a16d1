import { parseUnit } from '../units.ts';
import { fractionFromWords, isNumberWord, numberFromWords, scaleOf } from './number-words.ts';

/** A value in words and the words after it, such as 24 and `eggs` for "two dozen eggs". */
interface WordedValue {
  readonly numerator: bigint;
  readonly denominator: bigint;
  readonly unit: string;
}

type Fraction = readonly [bigint, bigint];

/** Maximum number of words after the value that are read as its unit. */
const maxUnitWords = 3;
/** Matches words that change the value before them, or make the text a sentence. */
const notUnits =
  /\b(?:or|and|not|to|through|than|least|most|over|under|above|below|between|except|without|minus|plus|if|is|are|was|must|can|cannot|may|might|should|would|could|has|have|percent|half|squared|cubed|less|times|th|out|by)\b/i;

/**
 * Reads the value at the start of a text: "two dozen eggs", "half a million", "two and three quarters", `四十二个`,
 * `三分之二`. Returns undefined if the text has a different meaning, such as "two or three" or `三角形`.
 */
export function wordedValue(text: string): WordedValue | undefined {
  return /^\p{Script=Han}/u.test(text) ? chineseWords(text) : englishWords(text);
}

function englishWords(text: string): WordedValue | undefined {
  const words = text.trim().split(/\s+/);
  for (let end = Math.min(words.length, 12); end > 0 && words.length - end <= maxUnitWords; end--) {
    const value = englishValue(words.slice(0, end));
    if (value === undefined) continue;
    const rest = words.slice(end);
    const unit = rest.join(' ');
    const isUnit = /^[A-Za-z ]*$/.test(unit) && !notUnits.test(unit) && !rest.some(isNumberWord);
    return isUnit ? { numerator: value[0], denominator: value[1], unit } : undefined;
  }
  return undefined;
}

/** Reads a count and the scale words after it: "two and a half million", "half a dozen". */
function englishValue(words: readonly string[]): Fraction | undefined {
  let [factor, end] = [1n, words.length];
  for (
    let scale = wholeScale(words[end - 1]!);
    scale !== undefined && end > 1;
    scale = wholeScale(words[end - 1]!)
  ) {
    factor *= scale;
    end--;
  }
  const count = countOf(words.slice(0, end).join(' ').toLowerCase(), end < words.length);
  return count && [count[0] * factor, count[1]];
}

function wholeScale(word: string): bigint | undefined {
  const scale = scaleOf(word);
  return scale?.[1] === 1n ? scale[0] : undefined;
}

function countOf(words: string, isScaled: boolean): Fraction | undefined {
  if (/^(?:a |one )?half(?: an?)?$/.test(words))
    return isScaled || !/an?$/.test(words) ? [1n, 2n] : undefined;
  const whole = numberFromWords(words);
  if (whole !== undefined) return [whole, 1n];
  const joined = words.lastIndexOf(' and ');
  if (joined < 0) return fractionFromWords(words);
  const count = numberFromWords(words.slice(0, joined));
  const rest = words.slice(joined + 5);
  const part = /^(?:a|one) half$/.test(rest) ? ([1n, 2n] as const) : fractionFromWords(rest);
  return count === undefined || part === undefined ? undefined : [count * part[1] + part[0], part[1]];
}

const chineseDigit = '[零〇一二两三四五六七八九]';
const chineseNumber = '[零〇一二两三四五六七八九十百千万亿]';
const chineseValue = new RegExp(
  `^(负?)(${chineseNumber}+)(?:分之(${chineseNumber}+)|点(${chineseDigit}+))?(\\p{Script=Han}*)$`,
  'u',
);
/** Matches Chinese measure words, the most general ones with a noun of up to three characters. */
const measureWord =
  /^(?:[个只本位名条张辆棵支件枝](?!半)\p{Script=Han}{0,3}|[台架艘间座朵颗粒片人次种类岁届倍组对双瓶杯碗盒箱袋页层排行列步])$/u;

function chineseWords(text: string): WordedValue | undefined {
  const [, half] = /^半个?(\p{Script=Han}+)$/u.exec(text) ?? [];
  if (half !== undefined && parseUnit(half) !== undefined)
    return { numerator: 1n, denominator: 2n, unit: half };
  const [, sign, first, second, decimals = '', unit = ''] = chineseValue.exec(text) ?? [];
  if (first === undefined) return undefined;
  if (unit !== '' && !measureWord.test(unit) && parseUnit(unit) === undefined) return undefined;
  const [below, above] =
    second === undefined
      ? [10n ** BigInt(decimals.length), withDecimals(chineseWhole(first), decimals)]
      : [first === '百' ? 100n : chineseWhole(first), chineseWhole(second)];
  if (above === undefined || below === undefined || below === 0n) return undefined;
  return { numerator: sign === '' ? above : -above, denominator: below, unit };
}

/** Appends the digits of decimals to a whole number: 35 for `三` and `五` in `三点五`. */
function withDecimals(whole: bigint | undefined, decimals: string): bigint | undefined {
  return whole === undefined || decimals === ''
    ? whole
    : whole * 10n ** BigInt(decimals.length) + chineseWhole(decimals)!;
}

const chineseDigits = '零一二三四五六七八九';
const chineseUnits: Readonly<Record<string, bigint>> = { 十: 10n, 百: 100n, 千: 1000n };

/** Reads `一千零五十` as 1050, `十三亿`, and `二〇二四` digit by digit; returns undefined for the colloquial `三千二`. */
function chineseWhole(text: string): bigint | undefined {
  const plain = text.replaceAll('〇', '零').replaceAll('两', '二');
  if (!/[十百千万亿]/.test(plain))
    return BigInt([...plain].map((digit) => chineseDigits.indexOf(digit)).join(''));
  let total = 0n;
  for (const [mark, factor] of [
    ['亿', 100_000_000n],
    ['万', 10_000n],
  ] as const) {
    const parts = plain.split(mark);
    if (parts.length > 2) return undefined;
    if (parts.length < 2) continue;
    const [high, low] = [chineseWhole(parts[0]!), parts[1] === '' ? 0n : chineseTail(parts[1]!)];
    return high === undefined || low === undefined ? undefined : high * factor + low;
  }
  let last = 10_000n;
  for (const [, zero, digit, unit] of plain.matchAll(/(零?)([一二三四五六七八九]?)([十百千]?)/g)) {
    if (digit === '' && unit === '') continue;
    const size = unit === '' ? 1n : chineseUnits[unit!]!;
    const isCounted = digit !== '' || (unit === '十' && total === 0n);
    if (!isCounted || size >= last || (size === 1n && last > 10n && zero === '')) return undefined;
    total += (digit === '' ? 1n : BigInt(chineseDigits.indexOf(digit!))) * size;
    last = size;
  }
  return total;
}

/** Reads the part after 亿 or 万, which must have its own units or follow 零, because the 二 of `三万二` is 2000. */
function chineseTail(text: string): bigint | undefined {
  return text.startsWith('零') || /[十百千万]/.test(text)
    ? chineseWhole(text.replace(/^零(?=.)/, ''))
    : undefined;
}
