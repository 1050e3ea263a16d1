/**
 * Spells Unicode mathematics in ASCII and LaTeX: full-width forms, super- and subscripts, vulgar fractions, operators,
 * Greek letters. Letters of other scripts are unchanged. Linear in the length of the text.
 */
export function spellInAscii(text: string): string {
  let ascii = '';
  const characters = [...text];
  for (let at = 0; at < characters.length;) {
    const raised = run(characters, at, superscripts);
    const lowered = raised === '' ? run(characters, at, subscripts) : '';
    const script = raised || lowered;
    if (script === '') {
      ascii += spellCharacter(characters[at]!);
      at++;
    } else if (raised !== '' && slashes.has(characters[at + raised.length] ?? '')) {
      const below = run(characters, at + raised.length + 1, subscripts);
      ascii += below === '' ? `^{${raised}}/` : `\\frac{${raised}}{${below}}`;
      at += raised.length + 1 + below.length;
    } else {
      ascii += `${raised === '' ? '_' : '^'}{${script}}`;
      at += script.length;
    }
  }
  return ascii;
}

/** Returns whether a text is already ASCII; `spellInAscii` does not change such a text. */
export function isAscii(text: string): boolean {
  return /^[\n\x20-\x7e]*$/.test(text);
}

const superscripts = zip('⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁽⁾ⁿⁱ', '0123456789+-()ni');
const subscripts = zip('₀₁₂₃₄₅₆₇₈₉₊₋₍₎ₐₑₒₓₕₖₗₘₙₚₛₜ', '0123456789+-()aeoxhklmnpst');
const slashes: ReadonlySet<string> = new Set(['/', '⁄', '∕']);

function zip(from: string, to: string): ReadonlyMap<string, string> {
  return new Map([...from].map((character, index) => [character, to[index]!]));
}

/** Translates characters from `start` on, up to the first that is not in the table; returns the translation. */
function run(characters: readonly string[], start: number, table: ReadonlyMap<string, string>): string {
  let text = '';
  for (let at = start; table.has(characters[at] ?? ''); at++) text += table.get(characters[at]!)!;
  return text;
}

function spellCharacter(character: string): string {
  const known = spellings.get(character);
  if (known !== undefined) return known;
  const code = character.codePointAt(0)!;
  if (code >= 0xff01 && code <= 0xff5e) return String.fromCodePoint(code - 0xfee0);
  // Units in a single character: ㎡, ㎝, ㎏.
  if (code >= 0x3380 && code <= 0x33df) return ` ${character.normalize('NFKC').replace(/[23]$/, '^$&')}`;
  if (code >= 0x1d400 && code <= 0x1d7ff) return spellStyled(character.normalize('NFKC'));
  return character;
}

/** Spells a bold, italic or double-struck letter, given its plain letter. */
function spellStyled(plain: string): string {
  return spellings.get(plain) ?? plain;
}

/** Greek letters and their LaTeX commands. */
const greek =
  'αalpha βbeta γgamma δdelta εepsilon ζzeta ηeta θtheta κkappa λlambda µmu μmu νnu ξxi πpi ρrho σsigma τtau ' +
  'φphi ϕphi χchi ψpsi ωomega ΓGamma ΔDelta ΘTheta ΛLambda ΞXi ΠPi ΣSigma ΦPhi ΨPsi ΩOmega ΩOmega';

const vulgarFractions =
  '½1/2 ⅓1/3 ⅔2/3 ¼1/4 ¾3/4 ⅕1/5 ⅖2/5 ⅗3/5 ⅘4/5 ⅙1/6 ⅚5/6 ⅐1/7 ⅛1/8 ⅜3/8 ⅝5/8 ⅞7/8 ⅑1/9 ⅒1/10';

const spellings: ReadonlyMap<string, string> = new Map([
  ...greek.split(' ').map((entry): [string, string] => [entry[0]!, `\\${entry.slice(1)} `]),
  ...vulgarFractions
    .split(' ')
    .map((entry): [string, string] => [entry[0]!, entry.slice(1).replace(/(\d+)\/(\d+)/, '\\frac{$1}{$2}')]),
  ...Object.entries({
    '−': '-',
    '–': '-',
    '—': '-',
    '‐': '-',
    '‑': '-',
    '×': '*',
    '·': '*',
    '∙': '*',
    '⋅': '*',
    '÷': '/',
    '∕': '/',
    '⁄': '/',
    '∶': ':',
    '≤': '\\le ',
    '⩽': '\\le ',
    '≦': '\\le ',
    '≥': '\\ge ',
    '⩾': '\\ge ',
    '≧': '\\ge ',
    '≠': '\\ne ',
    '≈': '\\approx ',
    '≡': '\\equiv ',
    '∈': '\\in ',
    '⊂': '\\subset ',
    '⊆': '\\subseteq ',
    '∪': '\\cup ',
    '⋃': '\\cup ',
    '∩': '\\cap ',
    '∅': '\\emptyset ',
    '∞': '\\infty ',
    '±': '\\pm ',
    '∓': '\\mp ',
    '√': '\\sqrt ',
    '∛': '\\sqrt[3] ',
    '∜': '\\sqrt[4] ',
    '∣': '|',
    '∧': '\\land ',
    '∨': '\\lor ',
    '→': '\\to ',
    '…': '\\dots ',
    ℝ: '\\reals ',
    ℤ: '\\integers ',
    ℕ: '\\naturals ',
    ℚ: '\\rationals ',
    ℂ: '\\complexes ',
    '°': '\\circ ',
    º: '\\circ ',
    '˚': '\\circ ',
    '℃': '\\circ C',
    '℉': '\\circ F',
    '′': "'",
    '’': "'",
    '‘': "'",
    '″': "''",
    '“': '"',
    '”': '"',
    // A full-width or ideographic comma never groups thousands: it separates items.
    '¢': '\\text{ cents}',
    '，': ', ',
    '、': ', ',
    '。': '.',
    '【': '[',
    '】': ']',
    '⟨': '\\langle ',
    '⟩': '\\rangle ',
    '〈': '\\langle ',
    '〉': '\\rangle ',
    '∖': '\\setminus ',
    '⌊': '\\lfloor ',
    '⌋': '\\rfloor ',
    '⌈': '\\lceil ',
    '⌉': '\\rceil ',
    '\u00a0': ' ',
    '\u2009': ' ',
    '\u202f': ' ',
    '\u3000': ' ',
    '\u200b': '',
    '\u200c': '',
    '\u200d': '',
    '\u2060': '',
    '\ufeff': '',
    '\t': ' ',
    '\r': ' ',
  }),
]);
