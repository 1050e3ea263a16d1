import { currencyCodes } from './read/currencies.ts';

/**
 * Units of measure: their letters and sizes. Two answers with known units are compared as quantities: 5 km is 5000 m,
 * not 5 m. A word that is not in the table (apples) does not count as a unit.
 */

/** A unit as a product of base units, times a factor `[numerator, denominator]`. */
export interface Unit {
  readonly factor: readonly [bigint, bigint];
  /** Power of each base unit; powers of 0 are omitted. */
  readonly dimensions: ReadonlyMap<string, number>;
}

interface Entry {
  /** Symbols, case-sensitive. */
  readonly symbols?: string;
  /** Words in lower case, in the singular; a final `s` or `es` is removed before the lookup. */
  readonly words?: string;
  readonly size: string;
}

/** `size` is a decimal or fraction, followed by its base units. */
const entries: readonly Entry[] = [
  { symbols: 'm', words: 'meter metre 米', size: '1 m' },
  { symbols: 'km', words: 'kilometer kilometre 千米 公里', size: '1000 m' },
  { symbols: 'dm', words: 'decimeter decimetre 分米', size: '1/10 m' },
  { symbols: 'cm', words: 'centimeter centimetre 厘米', size: '1/100 m' },
  { symbols: 'mm', words: 'millimeter millimetre 毫米', size: '1/1000 m' },
  { symbols: 'um', words: 'micrometer micrometre micron 微米', size: '1/1000000 m' },
  { symbols: 'nm', words: 'nanometer nanometre 纳米', size: '1/1000000000 m' },
  { symbols: 'in', words: 'inch', size: '254/10000 m' },
  { symbols: "ft '", words: 'foot feet', size: '3048/10000 m' },
  { symbols: 'yd yds', words: 'yard', size: '9144/10000 m' },
  { symbols: 'mi', words: 'mile', size: '1609344/1000 m' },
  { symbols: 'ha', words: 'hectare 公顷', size: '10000 m m' },
  { words: 'acre', size: '40468564224/10000000 m m' },
  { symbols: 'L l', words: 'liter litre 升', size: '1/1000 m m m' },
  { symbols: 'mL ml', words: 'milliliter millilitre 毫升', size: '1/1000000 m m m' },
  { symbols: 'gal', words: 'gallon', size: '3785411784/1000000000000 m m m' },
  { symbols: 'qt', words: 'quart', size: '946352946/1000000000000 m m m' },
  { words: 'pint', size: '473176473/1000000000000 m m m' },
  { words: 'cup', size: '2365882365/10000000000000 m m m' },
  { words: 'tablespoon', symbols: 'tbsp', size: '1478676478125/100000000000000000 m m m' },
  { words: 'teaspoon', symbols: 'tsp', size: '492892159375/100000000000000000 m m m' },
  { symbols: 'cc', size: '1/1000000 m m m' },
  { symbols: 'g', words: 'gram gramme 克', size: '1 g' },
  { symbols: 'kg', words: 'kilogram kilo 千克 公斤', size: '1000 g' },
  { symbols: 'mg', words: 'milligram 毫克', size: '1/1000 g' },
  { symbols: 'lb lbs', words: 'pound', size: '45359237/100000 g' },
  { symbols: 'oz', words: 'ounce', size: '45359237/1600000 g' },
  { words: 'tonne 吨', size: '1000000 g' },
  { words: 'ton', size: '1 ton' },
  { symbols: 's sec secs', words: 'second 秒 秒钟', size: '1 s' },
  { symbols: 'ms', words: 'millisecond 毫秒', size: '1/1000 s' },
  { symbols: 'us', words: 'microsecond 微秒', size: '1/1000000 s' },
  { symbols: 'ns', words: 'nanosecond 纳秒', size: '1/1000000000 s' },
  { symbols: 'min mins', words: 'minute 分钟', size: '60 s' },
  { symbols: 'h hr hrs', words: 'hour 小时', size: '3600 s' },
  { words: 'day 天', size: '86400 s' },
  { symbols: 'wk wks', words: 'week 周', size: '604800 s' },
  { symbols: 'mth mths', words: 'month 个月', size: '1 month' },
  { symbols: 'yr yrs', words: 'year 年', size: '12 month' },
  { words: 'decade', size: '120 month' },
  { words: 'century centuries', size: '1200 month' },
  { symbols: 'deg', words: 'degree 度', size: '1 degree' },
  { symbols: 'rad', words: 'radian 弧度', size: '1 radian' },
  { symbols: 'degC', words: 'celsius', size: '1 celsius' },
  { symbols: 'degF', words: 'fahrenheit', size: '1 fahrenheit' },
  { symbols: 'K', words: 'kelvin', size: '1 kelvin' },
  { symbols: 'A', words: 'ampere amp', size: '1 A' },
  { symbols: 'mA', words: 'milliampere milliamp', size: '1/1000 A' },
  { symbols: 'C', words: 'coulomb', size: '1 A s' },
  { symbols: 'Hz', words: 'hertz', size: '1 /s' },
  { symbols: 'kHz', words: 'kilohertz', size: '1000 /s' },
  { symbols: 'MHz', words: 'megahertz', size: '1000000 /s' },
  { symbols: 'GHz', words: 'gigahertz', size: '1000000000 /s' },
  { symbols: 'N', words: 'newton 牛 牛顿', size: '1000 g m /s /s' },
  { symbols: 'kN', words: 'kilonewton', size: '1000000 g m /s /s' },
  { symbols: 'Pa', words: 'pascal', size: '1000 g /m /s /s' },
  { symbols: 'kPa', words: 'kilopascal', size: '1000000 g /m /s /s' },
  { symbols: 'MPa', words: 'megapascal', size: '1000000000 g /m /s /s' },
  { symbols: 'atm', words: 'atmosphere', size: '101325000 g /m /s /s' },
  { symbols: 'J', words: 'joule 焦 焦耳', size: '1000 g m m /s /s' },
  { symbols: 'kJ', words: 'kilojoule', size: '1000000 g m m /s /s' },
  { symbols: 'MJ', words: 'megajoule', size: '1000000000 g m m /s /s' },
  { symbols: 'Wh', words: 'watthour', size: '3600000 g m m /s /s' },
  { symbols: 'kWh', words: 'kilowatthour', size: '3600000000 g m m /s /s' },
  { symbols: 'cal', words: 'calorie 卡', size: '1 cal' },
  { symbols: 'kcal', words: 'kilocalorie 千卡', size: '1000 cal' },
  { symbols: 'eV', words: 'electronvolt', size: '1 eV' },
  { symbols: 'keV', size: '1000 eV' },
  { symbols: 'MeV', size: '1000000 eV' },
  { symbols: 'GeV', size: '1000000000 eV' },
  { symbols: 'W', words: 'watt 瓦', size: '1000 g m m /s /s /s' },
  { symbols: 'kW', words: 'kilowatt 千瓦', size: '1000000 g m m /s /s /s' },
  { symbols: 'MW', words: 'megawatt', size: '1000000000 g m m /s /s /s' },
  { symbols: 'mW', words: 'milliwatt', size: '1 g m m /s /s /s' },
  { symbols: 'hp', words: 'horsepower', size: '1 hp' },
  { symbols: 'V', words: 'volt 伏', size: '1000 g m m /s /s /s /A' },
  { symbols: 'kV', words: 'kilovolt', size: '1000000 g m m /s /s /s /A' },
  { symbols: 'mV', words: 'millivolt', size: '1 g m m /s /s /s /A' },
  { words: 'ohm 欧 欧姆', size: '1000 g m m /s /s /s /A /A' },
  { words: 'kohm kiloohm kilohm', size: '1000000 g m m /s /s /s /A /A' },
  { words: 'mohm megaohm megohm', size: '1000000000 g m m /s /s /s /A /A' },
  { symbols: 'F', words: 'farad', size: '1/1000 A A s s s s /g /m /m' },
  { symbols: 'T', words: 'tesla', size: '1000 g /s /s /A' },
  { symbols: 'mol', words: 'mole', size: '1 mol' },
  { symbols: 'dB', words: 'decibel 分贝', size: '1 dB' },
  { symbols: 'rpm', size: '1 rpm' },
  { symbols: 'bpm', size: '1 bpm' },
  { symbols: 'fps', size: '1 fps' },
  { symbols: 'mpg', size: '1 mpg' },
  { symbols: 'pt pts', size: '1 pt' },
  { symbols: 'mph', size: '1609344/3600000 m /s' },
  { symbols: 'kph kmh kmph', size: '1000/3600 m /s' },
  { symbols: 'ppm', size: '1 ppm' },
  { symbols: 'psi', size: '1 psi' },
  { symbols: 'bit bits', size: '1 bit' },
  { words: 'byte 字节', size: '1 byte' },
  // The factors between these could be 1000 or 1024, so they are not converted into each other.
  { symbols: 'KB kB', words: 'kilobyte', size: '1 KB' },
  { symbols: 'MB', words: 'megabyte', size: '1 MB' },
  { symbols: 'GB', words: 'gigabyte', size: '1 GB' },
  { symbols: 'TB', words: 'terabyte', size: '1 TB' },
  { symbols: 'Mbps', size: '1 Mbps' },
  { words: 'dollar buck', size: '1 dollar' },
  { symbols: 'cents', words: 'cent', size: '1/100 dollar' },
  { words: 'euro 欧元', size: '1 EUR' },
  { words: 'yen 日元', size: '1 yen' },
  { words: 'rupee 卢比', size: '1 INR' },
  { words: 'yuan 元', size: '1 CNY' },
  { words: '角', size: '1/10 CNY' },
  { symbols: 'kr', size: '1 kr' },
  { symbols: 'JPY ¥', size: '1 yen' },
  { symbols: 'RMB', size: '1 CNY' },
  ...[...currencyCodes]
    .filter((code) => code !== 'JPY' && code !== 'RMB')
    .map((code) => ({ symbols: code, size: `1 ${code}` })),
];

/** Dollars without a country may be those of any country. */
const dollars: ReadonlySet<string> = new Set([
  'USD',
  'AUD',
  'CAD',
  'NZD',
  'SGD',
  'HKD',
  'TWD',
  'MXN',
  'ARS',
  'CLP',
  'COP',
]);

const bySymbol = new Map<string, Unit>();
const byWord = new Map<string, Unit>();
for (const { symbols, words, size } of entries) {
  const unit = readSize(size);
  for (const symbol of symbols?.split(' ') ?? []) bySymbol.set(symbol, unit);
  for (const word of words?.split(' ') ?? []) byWord.set(word, unit);
}

function readSize(size: string): Unit {
  const [factor = '1', ...bases] = size.split(' ');
  const [numerator = '1', denominator = '1'] = factor.split('/');
  const dimensions = new Map<string, number>();
  for (const base of bases) {
    const name = base.replace('/', '');
    dimensions.set(name, (dimensions.get(name) ?? 0) + (base.startsWith('/') ? -1 : 1));
  }
  return { factor: [BigInt(numerator), BigInt(denominator)], dimensions };
}

/** Returns whether letters are always a unit after a number, as are `kWh`, `cm`, `EUR`, `min` and `hrs`. */
export function isUnitSymbol(letters: string): boolean {
  return letters.length > 1 && bySymbol.has(letters) && !needSpace.has(letters);
}

/** Returns whether letters are a unit only after a space: `5 nm` has a unit, but `5nm` is a product. */
export function isSpacedUnitSymbol(letters: string): boolean {
  return letters.length > 1 && bySymbol.has(letters);
}

/** Symbols that could also be a product of two variables. */
const needSpace: ReadonlySet<string> = new Set([
  'nm',
  'ms',
  'ns',
  'mi',
  'ha',
  'dm',
  'qt',
  'um',
  'us',
  'hp',
  'mA',
  'mV',
  'mW',
  'kN',
  'kV',
  'kW',
  'MW',
  'MJ',
  'kB',
  'KB',
  'kmh',
  'wk',
  'wks',
  'yr',
  'kr',
  'pt',
  'cc',
]);

/** Returns the unit that a word or symbol names; undefined if it names none. */
function unitNamed(word: string): Unit | undefined {
  const known = bySymbol.get(word) ?? byWord.get(word);
  if (known !== undefined) return known;
  const lower = word.toLowerCase();
  return byWord.get(lower) ?? byWord.get(lower.replace(/s$/, '')) ?? byWord.get(lower.replace(/es$/, ''));
}

/** Decimal prefixes by symbol and word, with their power of ten. */
const prefixes: readonly (readonly [symbol: string, word: string, power: number])[] = [
  ['G', 'giga', 9],
  ['M', 'mega', 6],
  ['k', 'kilo', 3],
  ['d', 'deci', -1],
  ['c', 'centi', -2],
  ['m', 'milli', -3],
  ['u', 'micro', -6],
  ['n', 'nano', -9],
  ['p', 'pico', -12],
];
const prefixedSymbols: ReadonlySet<string> = new Set('m g s L A V W J N F Pa Hz eV mol T ohm'.split(' '));
const prefixedWords =
  /^(giga|mega|kilo|deci|centi|milli|micro|nano|pico)(meter|metre|gram|second|liter|litre|amp|ampere|volt|watt|joule|newton|farad|pascal|hertz|mole|tesla|ohm)s?$/i;

/** Returns the unit of a word or symbol with a decimal prefix that the table does not list: `uF`, "microgram". */
function prefixedUnit(word: string): Unit | undefined {
  const [, long = '', base] = prefixedWords.exec(word) ?? [];
  const prefix = prefixes.find(([symbol, name]) =>
    base === undefined
      ? word.startsWith(symbol) && prefixedSymbols.has(word.slice(symbol.length))
      : name === long.toLowerCase(),
  );
  const unit = prefix && unitNamed(base ?? word.slice(1));
  if (unit === undefined) return undefined;
  const [numerator, denominator] = unit.factor;
  const scale = 10n ** BigInt(Math.abs(prefix![2]));
  const factor: Unit['factor'] =
    prefix![2] > 0 ? [numerator * scale, denominator] : [numerator, denominator * scale];
  return { factor, dimensions: unit.dimensions };
}

/** Returns whether a word itself, without a prefix, is a unit in the table. */
export function isUnitWord(word: string): boolean {
  return unitNamed(word) !== undefined;
}

/**
 * Reads a unit in the parser's spelling: words and symbols with `/` or `per` between them, `^2` after them, and
 * `square` and `cubic` before them. Returns undefined if any part is unknown.
 */
export function parseUnit(text: string): Unit | undefined {
  if (text === '') return undefined;
  if (!parsed.has(text)) {
    if (parsed.size >= maxParsed) parsed.clear();
    parsed.set(text, readUnit(text));
  }
  return parsed.get(text);
}

/** Cache of parsed units; most answers share a few units. */
const parsed = new Map<string, Unit | undefined>();
const maxParsed = 1000;

function readUnit(text: string): Unit | undefined {
  const words = text
    .replaceAll(/\\?circ|°/g, 'deg')
    .replaceAll(/deg\s*([CF])\b/g, 'deg$1')
    .replaceAll(
      /\bdegrees?\s+(celsius|fahrenheit|[CF])\b/gi,
      (_all, scale: string) => `deg${scale[0]!.toUpperCase()}`,
    )
    .replaceAll(/([/*])/g, ' $1 ')
    .replaceAll(/\^\{?(-?\d)\}?/g, ' ^$1')
    .trim()
    .split(/\s+/);
  let [isBelow, nextPower] = [false, 1];
  let last: Unit | undefined;
  const parts: (readonly [Unit, number])[] = [];
  for (const word of words) {
    const lower = word.toLowerCase();
    if (lower === '/' || lower === 'per') isBelow = true;
    else if (word === '*' || word === 'a' || word === 'an') continue;
    else if (lower === 'square' || lower === 'sq' || lower === '平方') nextPower = 2;
    else if (lower === 'cubic' || lower === 'cu' || lower === '立方') nextPower = 3;
    else if ((lower === 'squared' || lower === 'cubed') && parts.length > 0) {
      const [unit, power] = parts.pop()!;
      parts.push([unit, power * (lower === 'squared' ? 2 : 3)]);
    } else if (word.startsWith('^')) {
      if (last === undefined || !/^\^-?\d$/.test(word)) return undefined;
      const [unit, power] = parts.pop()!;
      parts.push([unit, power * Number(word.slice(1))]);
    } else {
      const chinese = /^(平方|立方)(.+)$/.exec(word);
      if (chinese) nextPower = chinese[1] === '平方' ? 2 : 3;
      last = unitNamed(chinese?.[2] ?? word) ?? prefixedUnit(word);
      if (last === undefined) return undefined;
      parts.push([last, isBelow ? -nextPower : nextPower]);
      nextPower = 1;
    }
  }
  return parts.length === 0 ? undefined : productOf(parts);
}

function productOf(parts: readonly (readonly [Unit, number])[]): Unit {
  let [numerator, denominator] = [1n, 1n];
  const dimensions = new Map<string, number>();
  for (const [{ factor, dimensions: own }, power] of parts) {
    const [above, below] = power < 0 ? [factor[1], factor[0]] : factor;
    const size = BigInt(Math.min(9, Math.abs(power)));
    numerator *= above ** size;
    denominator *= below ** size;
    for (const [base, count] of own) dimensions.set(base, (dimensions.get(base) ?? 0) + count * power);
  }
  for (const [base, count] of dimensions) if (count === 0) dimensions.delete(base);
  return { factor: [numerator, denominator], dimensions };
}

/** Returns whether two units measure the same quantity and can therefore be converted. */
export function isSameKind(a: Unit, b: Unit): boolean {
  if (a.dimensions.size !== b.dimensions.size) return false;
  const names = [...a.dimensions.keys()];
  return names.every((name) => {
    const power = a.dimensions.get(name);
    if (b.dimensions.get(name) === power) return true;
    const [left, right] = [name, [...b.dimensions.keys()].find((other) => !a.dimensions.has(other))];
    const isDollar =
      (left === 'dollar' && dollars.has(right ?? '')) || (right === 'dollar' && dollars.has(left));
    return isDollar && b.dimensions.get(right!) === power;
  });
}
