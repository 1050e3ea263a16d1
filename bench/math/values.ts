import type { Rng } from '../../src/core/rng.ts';
import { rational, sameRational, toNumber } from '../../src/verifiers/math/value/rational.ts';

/**
 * Values of every kind of answer, in all formats that the verifier's documentation allows. Values are created
 * first and formatted afterwards, so whether two texts are equal is known without parsing them.
 */

/** An exact value: a number with or without a unit, or a non-numeric value. */
export interface Value {
  readonly kind:
    | 'number'
    | 'quantity'
    | 'money'
    | 'date'
    | 'time'
    | 'version'
    | 'address'
    | 'phone'
    | 'ratio';
  /** For numbers: the exact value, in the base unit. */
  readonly amount?: { readonly numerator: bigint; readonly denominator: bigint };
  /** Quantity or currency; for other kinds, the value itself. */
  readonly key: string;
  readonly write: (rng: Rng) => string;
}

/** Returns whether two values are equal; undefined if the policy does not decide it. */
export function isSameValue(a: Value, b: Value): boolean | undefined {
  if (a.kind === 'ratio' || b.kind === 'ratio')
    return a.kind === b.kind ? a.key === b.key : undefinedIfNumber(a, b);
  if (a.amount === undefined || b.amount === undefined) return a.kind === b.kind && a.key === b.key;
  if (isRounding(a.amount, b.amount)) return undefined;
  const isSameAmount = sameRational(a.amount, b.amount);
  if (a.kind === b.kind) return isSameAmount && a.key === b.key;
  // A unit on one side only is ignored (`units: 'ignore'`); two units are compared.
  return a.kind === 'number' || b.kind === 'number' ? undefined : false;
}

/** Leaves a ratio beside a number undecided, because a ratio may be read as a fraction. */
function undefinedIfNumber(a: Value, b: Value): false | undefined {
  return a.kind === 'number' || b.kind === 'number' ? undefined : false;
}

/** Returns whether two amounts differ by no more than rounding to four decimal places. */
function isRounding(a: Amount, b: Amount): boolean {
  const difference = Math.abs(toNumber(a) - toNumber(b));
  return difference > 0 && difference <= 5.1e-5;
}

/** Returns a value of a random kind. */
export function randomValue(rng: Rng): Value {
  return rng.pick(makers)(rng);
}

/** Returns a similar but different value: an adjacent value, a thousand times as much, or swapped digits. */
export function neighbour(rng: Rng, value: Value): Value {
  if (value.kind !== 'number' || value.amount === undefined) {
    for (let tries = 0; tries < 40; tries++) {
      const other = randomValue(rng);
      if (other.kind === value.kind) return other;
    }
    return randomValue(rng);
  }
  const { numerator, denominator } = value.amount;
  const changes: readonly (() => [bigint, bigint])[] = [
    () => [numerator * 1000n, denominator],
    () => [numerator, denominator * 1000n],
    () => [numerator * 10n, denominator],
    () => [numerator + 1n, denominator],
    () => [numerator * 10n + 1n, denominator * 10n],
    () => [-numerator, denominator],
    () => [numerator * 1_000_000n, denominator],
    () => [numerator * 12n, denominator],
    () => [denominator, numerator === 0n ? 1n : numerator],
    () => [
      BigInt(
        `${numerator < 0n ? '-' : ''}${String(numerator).replace('-', '').split('').toReversed().join('')}`,
      ),
      denominator,
    ],
  ];
  return numberValue(...rng.pick(changes)());
}

const makers: readonly ((rng: Rng) => Value)[] = [
  wholeNumber,
  wholeNumber,
  decimal,
  decimal,
  mixedNumber,
  largeNumber,
  money,
  measured,
  dateValue,
  timeValue,
  versionValue,
  addressValue,
  phoneValue,
  ratioValue,
];

function wholeNumber(rng: Rng): Value {
  const digits = rng.integer(1, 8);
  return numberValue(BigInt(rng.integer(0, 10 ** digits)) * signOf(rng), 1n);
}

function decimal(rng: Rng): Value {
  const places = rng.integer(1, 4);
  return numberValue(BigInt(rng.integer(1, 10 ** rng.integer(2, 7))) * signOf(rng), 10n ** BigInt(places));
}

function mixedNumber(rng: Rng): Value {
  const denominator = rng.integer(2, 12);
  return numberValue(BigInt(rng.integer(1, 400)) * signOf(rng), BigInt(denominator));
}

function largeNumber(rng: Rng): Value {
  return numberValue(BigInt(rng.integer(1, 999)) * 10n ** BigInt(rng.integer(2, 12)), 1n);
}

const signOf = (rng: Rng): bigint => (rng.next() < 0.2 ? -1n : 1n);

function numberValue(top: bigint, bottom: bigint): Value {
  const amount = rational(top, bottom)!;
  return { kind: 'number', key: '', amount, write: (rng) => dressed(rng, writeNumber(rng, amount)) };
}

type Amount = NonNullable<Value['amount']>;

/** Formats a number; tries the applicable formats in random order. */
function writeNumber(rng: Rng, { numerator, denominator }: Amount): string {
  const sign = numerator < 0n ? '-' : '';
  const size = numerator < 0n ? -numerator : numerator;
  for (let tries = 0; tries < 30; tries++) {
    const text = rng.pick(formats)(size, denominator, rng, sign);
    if (text !== undefined) return sign + text;
  }
  return `${sign}\\frac{${size}}{${denominator}}`;
}

type Format = (size: bigint, denominator: bigint, rng: Rng, sign: string) => string | undefined;

const formats: readonly Format[] = [
  exactDecimal,
  exactDecimal,
  (size, denominator) => group(exactDecimal(size, denominator), ','),
  (size, denominator) => group(exactDecimal(size, denominator), '{,}'),
  (size, denominator) => group(exactDecimal(size, denominator), ',\\!'),
  (size, denominator) => group(exactDecimal(size, denominator), '\\,'),
  (size, denominator) => group(exactDecimal(size, denominator), ' '),
  (size, denominator) => groupAsLakh(exactDecimal(size, denominator)),
  (size, denominator, _rng, sign) => (denominator === 1n && sign === '' ? inEnglish(size) : undefined),
  (size, denominator, _rng, sign) => (denominator === 1n && sign === '' ? inChinese(size) : undefined),
  (size, denominator) => fullWidth(exactDecimal(size, denominator)),
  (size, denominator) => `\\frac{${size}}{${denominator}}`,
  (size, denominator) => (denominator === 1n ? undefined : `${size}/${denominator}`),
  (size, denominator, rng) => mixed(size, denominator, rng),
  (size, denominator, rng) => scientific(size, denominator, rng),
  (size, denominator, rng) => scaled(size, denominator, rng),
];

function exactDecimal(size: bigint, denominator: bigint): string | undefined {
  for (let places = 0; places <= 6; places++) {
    const scale = 10n ** BigInt(places);
    if ((size * scale) % denominator !== 0n) continue;
    const digits = String((size * scale) / denominator).padStart(places + 1, '0');
    return places === 0 ? digits : `${digits.slice(0, -places)}.${digits.slice(-places)}`;
  }
  return undefined;
}

function group(text: string | undefined, mark: string): string | undefined {
  if (text === undefined) return undefined;
  const [whole = '', fraction] = text.split('.');
  if (whole.length < 4) return undefined;
  const grouped = whole.replaceAll(/(?<=\d)(?=(?:\d{3})+$)/g, () => mark);
  return fraction === undefined ? grouped : `${grouped}.${fraction}`;
}

/** Groups digits as in India, such as `12,34,567`: groups of two digits before the last three. */
function groupAsLakh(text: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  const [whole = '', fraction] = text.split('.');
  if (whole.length < 6 || whole.length > 9) return undefined;
  const grouped = `${whole.slice(0, -3).replaceAll(/(?<=\d)(?=(?:\d{2})+$)/g, ',')},${whole.slice(-3)}`;
  return fraction === undefined ? grouped : `${grouped}.${fraction}`;
}

const below20 =
  'zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen'.split(
    ' ',
  );
const tens = 'twenty thirty forty fifty sixty seventy eighty ninety'.split(' ');

/** Writes whole numbers below a million in English words. */
function inEnglish(size: bigint): string | undefined {
  if (size >= 1_000_000n) return undefined;
  const value = Number(size);
  if (value < 20) return below20[value]!;
  if (value < 100)
    return tens[Math.floor(value / 10) - 2]! + (value % 10 === 0 ? '' : `-${below20[value % 10]}`);
  const [scale, word] = value < 1000 ? [100, 'hundred'] : [1000, 'thousand'];
  const rest = value % scale;
  const head = `${inEnglish(BigInt(Math.floor(value / scale)))} ${word}`;
  return rest === 0 ? head : `${head} ${rest < 100 ? 'and ' : ''}${inEnglish(BigInt(rest))}`;
}

/** Writes whole numbers below 100 million in Chinese characters. */
function inChinese(size: bigint): string | undefined {
  if (size >= 100_000_000n) return undefined;
  if (size === 0n) return '零';
  const [high, low] = [Number(size / 10_000n), Number(size % 10_000n)];
  if (high === 0) return chineseSection(low).replace(/^一十/, '十');
  if (low === 0) return `${chineseSection(high)}万`;
  return `${chineseSection(high)}万${low < 1000 ? '零' : ''}${chineseSection(low)}`;
}

/** Writes a number from 1 to 9999, with one 零 for each inner run of zeros. */
function chineseSection(value: number): string {
  let text = '';
  for (const [scale, unit] of [
    [1000, '千'],
    [100, '百'],
    [10, '十'],
    [1, ''],
  ] as const) {
    const digit = Math.floor(value / scale) % 10;
    if (digit !== 0) text += `${'零一二三四五六七八九'[digit]}${unit}`;
    else if (text !== '' && !text.endsWith('零') && value % scale !== 0) text += '零';
  }
  return text;
}

function fullWidth(text: string | undefined): string | undefined {
  return text?.replaceAll(/\d/g, (digit) => String.fromCodePoint(0xff10 + Number(digit)));
}

function mixed(size: bigint, denominator: bigint, rng: Rng): string | undefined {
  const [whole, rest] = [size / denominator, size % denominator];
  if (whole === 0n || rest === 0n) return undefined;
  return rng.pick([`${whole}\\frac{${rest}}{${denominator}}`, `${whole} ${rest}/${denominator}`]);
}

function scientific(size: bigint, denominator: bigint, rng: Rng): string | undefined {
  const text = exactDecimal(size, denominator);
  if (text === undefined || size === 0n) return undefined;
  const [whole = '', fraction = ''] = text.split('.');
  const digits = (whole + fraction).replace(/^0+/, '');
  const exponent = digits.length - 1 - fraction.length;
  const rest = digits.slice(1).replace(/0+$/, '');
  const mantissa = rest === '' ? digits[0]! : `${digits[0]}.${rest}`;
  return rng.pick([
    `${mantissa}\\times10^{${exponent}}`,
    `${mantissa}e${exponent}`,
    `${mantissa} x 10^${exponent < 0 ? `{${exponent}}` : exponent}`,
    `${mantissa}×10${raised(exponent)}`,
  ]);
}

function raised(exponent: number): string {
  return String(exponent).replaceAll(/./g, (sign) => (sign === '-' ? '⁻' : '⁰¹²³⁴⁵⁶⁷⁸⁹'[Number(sign)]!));
}

const scales: readonly (readonly [bigint, readonly string[]])[] = [
  [100n, ['hundred']],
  [1000n, ['thousand', 'Thousand']],
  [1_000_000n, ['million', 'millions']],
  [1_000_000_000n, ['billion', 'Billion']],
  [12n, ['dozen']],
  [10_000n, ['万']],
  [100_000_000n, ['亿']],
];

function scaled(size: bigint, denominator: bigint, rng: Rng): string | undefined {
  const [scale, words] = rng.pick(scales);
  const text = exactDecimal(size, denominator * scale);
  if (text === undefined || size === 0n) return undefined;
  const word = rng.pick(words);
  if (/^[万亿]/.test(word)) return `${text}${word}`;
  return rng.pick([`${text} ${word}`, `${text}\\text{ ${word}}`]);
}

/** Wraps the text in a box in common ways. */
function dressed(rng: Rng, text: string): string {
  return rng.pick([text, text, text, `$${text}$`, ` ${text} `, `${text}.`, `\\displaystyle ${text}`]);
}

const currencies = [
  { key: 'USD', before: ['\\$', 'US$', 'USD '], after: ['\\text{ USD}', ' USD'] },
  { key: 'EUR', before: ['€', 'EUR '], after: ['€', ' EUR', ' euros'] },
  { key: 'GBP', before: ['£', 'GBP '], after: [' GBP'] },
  { key: 'INR', before: ['₹'], after: [' rupees', ' INR'] },
] as const;

function money(rng: Rng): Value {
  const { key, before, after } = rng.pick(currencies);
  const amount = { numerator: BigInt(rng.integer(1, 10 ** rng.integer(2, 8))), denominator: 100n };
  const write = (random: Rng): string => {
    const text = writeAmount(random, amount);
    return random.next() < 0.5 ? `${random.pick(before)}${text}` : `${text}${random.pick(after)}`;
  };
  return { kind: 'money', key, amount, write };
}

function writeAmount(rng: Rng, { numerator, denominator }: Amount): string {
  const plain = exactDecimal(numerator, denominator)!;
  return rng.pick([plain, group(plain, ',') ?? plain, group(plain, '{,}') ?? plain]);
}

const measures: readonly {
  readonly key: string;
  readonly units: readonly (readonly [bigint, bigint, readonly string[]])[];
}[] = [
  {
    key: 'length',
    units: [
      [1n, 1n, [' m', '\\text{ meters}', '\\,\\mathrm{m}', ' metres']],
      [1000n, 1n, [' km', '\\text{ kilometers}']],
      [1n, 100n, [' cm', '\\mathrm{~cm}', ' centimeters']],
      [1n, 1000n, [' mm', '\\text{ mm}']],
    ],
  },
  {
    key: 'time',
    units: [
      [1n, 1n, [' seconds', '\\text{ s}', ' sec']],
      [60n, 1n, [' minutes', '\\mathrm{~min}', ' min']],
      [3600n, 1n, [' hours', '\\text{ hours}', ' hrs', '小时']],
      [86_400n, 1n, [' days', '\\text{ days}', '天']],
    ],
  },
  {
    key: 'mass',
    units: [
      [1n, 1n, [' grams', '\\text{ g}', '克']],
      [1000n, 1n, [' kg', '\\text{ kilograms}', '千克', '公斤']],
    ],
  },
  { key: 'energy', units: [[1n, 1n, [' kWh', '\\text{ kWh}']]] },
  { key: 'resistance', units: [[1n, 1n, ['\\,\\Omega', ' ohms', 'Ω']]] },
  {
    key: 'frequency',
    units: [
      [1n, 1n, [' Hz', '\\text{ Hz}']],
      [1000n, 1n, [' kHz']],
    ],
  },
  { key: 'memory', units: [[1n, 1n, [' GB', '\\text{ GB}']]] },
  {
    key: 'speed',
    units: [
      [1n, 1n, ['\\text{ m/s}', ' meters per second']],
      [1000n, 3600n, [' km/h', '\\text{ km/h}', ' kilometers per hour']],
    ],
  },
  {
    key: 'area',
    units: [
      [1n, 1n, ['\\text{ m}^2', ' square meters', '平方米']],
      [1n, 10_000n, ['\\text{ cm}^2', '平方厘米']],
    ],
  },
];

function measured(rng: Rng): Value {
  const { key, units } = rng.pick(measures);
  const [above, below] = rng.pick(units);
  const amount = { numerator: BigInt(rng.integer(1, 5000)) * above, denominator: below };
  const write = (random: Rng): string => {
    for (;;) {
      const [top, bottom, names] = random.pick(units);
      const plain = exactDecimal(amount.numerator * bottom, amount.denominator * top);
      if (plain !== undefined)
        return `${random.pick([plain, group(plain, ',') ?? plain])}${random.pick(names)}`;
    }
  };
  return { kind: 'quantity', key, amount, write };
}

const months = 'January February March April May June July August September October November December'.split(
  ' ',
);
const pad = (value: number): string => String(value).padStart(2, '0');

function dateValue(rng: Rng): Value {
  const [year, month, day] = [rng.integer(1900, 2099), rng.integer(1, 12), rng.integer(1, 28)];
  const name = months[month - 1]!;
  const write = (random: Rng): string =>
    random.pick([
      `${year}-${pad(month)}-${pad(day)}`,
      `${year}/${month}/${day}`,
      `${year}.${pad(month)}.${pad(day)}`,
      `${name} ${day}, ${year}`,
      `${day} ${name} ${year}`,
      `${day}-${name.slice(0, 3)}-${year}`,
      `\\text{${name} ${day}, ${year}}`,
      `${year}年${month}月${day}日`,
      ...(day > 12
        ? [`${month}/${day}/${year}`, `${day}/${month}/${year}`, `${day}.${pad(month)}.${year}`]
        : []),
    ]);
  return { kind: 'date', key: `${year}-${month}-${day}`, write };
}

function timeValue(rng: Rng): Value {
  const [hour, minute] = [rng.integer(0, 23), rng.integer(0, 59)];
  const half = hour < 12 ? 'am' : 'pm';
  const twelve = hour % 12 === 0 ? 12 : hour % 12;
  const write = (random: Rng): string =>
    random.pick([
      `${hour}:${pad(minute)}`,
      `${pad(hour)}:${pad(minute)}`,
      `${twelve}:${pad(minute)} ${half}`,
      `${twelve}.${pad(minute)} ${half}`,
      `${twelve}:${pad(minute)}${half.toUpperCase()}`,
      `${twelve}:${pad(minute)}\\text{ ${half[0]}.m.}`,
    ]);
  return { kind: 'time', key: `${hour}:${minute}`, write };
}

function versionValue(rng: Rng): Value {
  const parts = Array.from({ length: rng.integer(3, 4) }, () => rng.integer(0, 30));
  const key = parts.join('.');
  return { kind: 'version', key, write: (random) => random.pick([key, `v${key}`]) };
}

function addressValue(rng: Rng): Value {
  const key = Array.from({ length: 4 }, () => rng.integer(0, 255)).join('.');
  return { kind: 'address', key, write: () => key };
}

function phoneValue(rng: Rng): Value {
  const [a, b, c] = [rng.integer(200, 999), rng.integer(200, 999), rng.integer(1000, 9999)];
  const write = (random: Rng): string =>
    random.pick([`${a}-${b}-${c}`, `(${a}) ${b}-${c}`, `${a}.${b}.${c}`.replaceAll('.', ' ')]);
  return { kind: 'phone', key: `${a}${b}${c}`, write };
}

function ratioValue(rng: Rng): Value {
  const [a, b] = [rng.integer(1, 9), rng.integer(1, 9)];
  let [x, y] = [a, b];
  while (y !== 0) [x, y] = [y, x % y];
  const write = (random: Rng): string => {
    const scale = random.integer(1, Math.floor((9 * x) / Math.max(a, b)));
    const [left, right] = [(a / x) * scale, (b / x) * scale];
    return random.pick([`${left}:${right}`, `${left} : ${right}`, `${left}\\text{:}${right}`]);
  };
  return { kind: 'ratio', key: `${a / x}:${b / x}`, write };
}
