import { parseUnit } from '../units.ts';

/**
 * Rewrites typed and programming notations as the usual commands: `1_000_000`, `0xFF`, `6.02 x 10^23`,
 * `0.333...`, `10C3`, `cm3`, `(1010)_2`, `1h30m`. Each rule is one linear pass, and is skipped for text without a
 * character that it needs.
 */
export function withoutTypedSpellings(text: string): string {
  let typed = text;
  if (typed.includes('_')) typed = withUnderscores(typed);
  if (/\d\s?[a-zA-Z]/.test(typed)) typed = withLetters(typed);
  if (typed.includes('/')) typed = typed.replace(quotientOfUnits, unitQuotient);
  if (mayBeUnits.test(typed)) typed = typed.replaceAll(fractionOfUnits, unitFraction);
  return typed;
}

/** Matches digits grouped by underscores: `1_000_000`. */
const underscored = /^\d{1,3}(?:_\d{3})+$/;
/** Matches a numeral with its base: `(1010)_2`, `1010_{(2)}`, `\mathrm{FF}_{16}`. */
const basedNumeral =
  /^(?:\\(?:text|mathrm|mathbf)\s*\{|\()?\s*([0-9A-F]+)\s*[)}]?\s*_\s*\{?\s*\(?(\d{1,2})\)?\s*\}?$/;

function withUnderscores(text: string): string {
  if (underscored.test(text)) return text.replaceAll('_', '');
  const [, digits, base] = basedNumeral.exec(text) ?? [];
  return digits === undefined ? text : based(digits, base!);
}

/** Writes digits with letters as text, as in `\text{FF}_{16}`; other letters remain a product. */
function based(digits: string, base: string): string {
  const hasLetters = /[A-F]/.test(digits);
  return hasLetters && Number(base) > 10 ? `\\text{${digits}}_{${base}}` : `${digits}_{${base}}`;
}

/** Matches a decimal whose digits repeat before an ellipsis. */
const repeatedDigits = /\.(\d{0,12}?)((\d{1,6}?)\3+)\s*(?:\.\.\.|…|\\[lc]?dots(?![a-z]))/g;

/**
 * Marks the repeating digits of `0.1666...` and `0.142857142857\ldots`; must run before closing punctuation, and with
 * it the dots, is removed.
 */
export function markRepeating(text: string): string {
  const goesOn = text.includes('...') || text.includes('…') || text.includes('dots');
  return goesOn ? text.replaceAll(repeatedDigits, '.$1\\overline{$3}') : text;
}

/** Matches the letter that multiplies a power of ten: `6.02 x 10^23`. */
const letterTimes = /(\d)\s*[xX]\s*(?=10\s*(?:\^|\*\*))/g;
const prefixed = /^0(?:x([0-9a-fA-F]{1,32})|b([01]{1,128})|o([0-7]{1,64}))$/;
const combinations = /^(\d{1,4})\s?([CP])\s?(\d{1,4})$/;
/** Matches a unit of length whose exponent is written without `^`: `7 cm3`. */
const raisedUnit = /(\d\s?(?:k|c|d|m)?m|\d\s?(?:ft|in))([23])(?![\d.])/g;
/** Matches a duration: `1h30m`, `2 h 5 min 10 s`. */
const duration =
  /^(\d+)\s?h(?:rs?|ours?)?[, ]*(?:(?:and )?(\d{1,2})\s?m(?:ins?|inutes?)?)?[, ]*(?:(?:and )?(\d{1,2})\s?s(?:ecs?|econds?)?)?$/;

function withLetters(text: string): string {
  if (text.length < maxWhole) {
    const whole = withPrefix(text) ?? withDuration(text);
    if (whole !== undefined) return whole;
  }
  const times = text.includes('10') ? text.replaceAll(letterTimes, '$1*') : text;
  return /[mtn][23]/.test(times) ? times.replaceAll(raisedUnit, '$1^$2') : times;
}

/** Maximum length of a prefixed numeral, combination or duration; longer texts cannot be one. */
const maxWhole = 140;

function withPrefix(text: string): string | undefined {
  if (text[0] === '0') {
    const [, hexadecimal, binary, octal] = prefixed.exec(text) ?? [];
    const digits = hexadecimal ?? binary ?? octal;
    if (digits === undefined) return undefined;
    return based(digits.toUpperCase(), hexadecimal ? '16' : binary ? '2' : '8');
  }
  const [, n, kind, k] = combinations.exec(text) ?? [];
  if (kind === undefined) return undefined;
  return kind === 'C' ? `\\binom{${n}}{${k}}` : `\\frac{${n}!}{(${n}-${k})!}`;
}

function withDuration(text: string): string | undefined {
  const [, hours, minutes, seconds] = duration.exec(text) ?? [];
  if (hours === undefined || (minutes ?? seconds) === undefined) return undefined;
  const parts = [
    [hours, 'hours'],
    [minutes, 'minutes'],
    [seconds, 'seconds'],
  ];
  return parts
    .flatMap(([count, unit]) => (count === undefined ? [] : [`${count}\\text{ ${unit} }`]))
    .join('');
}

/**
 * Matches a quotient of units: `8 g/cm^3`, whose `g` alone would be a variable. `9.8 m/s^2` is ambiguous and is read
 * later.
 */
const quotientOfUnits = /(\d\s?)([A-Za-z]{1,4})\s?\/\s?([A-Za-z]{1,4})(\^\{?\d\}?)?$/;

function unitQuotient(all: string, amount: string, above: string, below: string, power = ''): string {
  return above.length + below.length > 2 ? unitFraction(all, amount, above, below, power) : all;
}

/** A cheap test that matches whenever `fractionOfUnits` does, and more often. */
const mayBeUnits = /frac\s*\{\s*(?:\\text|\\mathrm|[A-Za-z]{1,12}\s*\})/;
/** Matches an amount and a fraction of units: `12\,\frac{\text{m}}{\text{s}}`. */
const fractionOfUnits =
  /(\d\}?(?:\s|\\[ ,;:!]|~)*)\\[dt]?frac\s*\{\s*(?:\\(?:text|mathrm)\s*\{)?([A-Za-z ]{1,12})\}?\s*\}\s*\{\s*(?:\\(?:text|mathrm)\s*\{)?([A-Za-z ]{1,12})\}?(\^\{?\d\}?)?\s*\}/g;

/**
 * Rewrites a fraction of two letters as a unit if the table of units contains it; otherwise it is a fraction of
 * variables.
 */
function unitFraction(all: string, amount: string, above: string, below: string, power = ''): string {
  const unit = `${above.trim()}/${below.trim()}${power.replaceAll(/[{}]/g, '')}`;
  return parseUnit(unit) === undefined ? all : `${amount}\\text{ ${unit}}`;
}
