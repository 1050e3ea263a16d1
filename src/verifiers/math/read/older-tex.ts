/**
 * Rewrites older TeX and regional notations as the usual commands: `^3/_4`, `{}_{10}C_3`,
 * `y^{\prime}`, `0.\dot{3}`, `]0,1[`, `70~000`. Each rule is one linear pass, and is skipped for text without the
 * characters that it needs.
 */
export function modernise(text: string): string {
  let modern = text;
  if (modern.includes('\\')) modern = withPlainTex(withCommands(modern));
  if (modern.includes('_') || modern.includes('C(') || modern.includes('P(')) modern = withBinomials(modern);
  if (modern.includes('[') || modern.includes(']')) modern = withRoundBrackets(modern);
  if (modern.includes('{'))
    modern = modern.replace(/^\{\s*([a-zA-Z])\s*(?:\||:|\\mid)([^]*)\}$/, '\\{$1\\mid $2\\}');
  if (modern.includes("^{'")) modern = modern.replaceAll(/\^\{('+)\}/g, '$1');
  if (modern.includes("'")) modern = modern.replace(feetAndInches, '$1\\text{ ft }$2\\text{ in}');
  return modern;
}

/** Matches feet and inches: `5'6''`. */
const feetAndInches = /^(\d+)\s*'\s*(\d{1,2}(?:\.\d+)?)\s*(?:''|")?$/;

const rootOf = /\\root\s*(?:\{([^{}]*)\}|(\w))\s*\\of(?![a-zA-Z])/g;
/** Matches a matrix of plain TeX, `\pmatrix{1 & 2 \cr 3 & 4}`, with at most one level of braces inside. */
const plainMatrix = /\\([pbvB]?matrix)\s*\{((?:[^{}]|\{[^{}]*\})*)\}/g;

/** Rewrites commands of plain TeX: `\root 3 \of 2`, `\pmatrix{…\cr…}`, and a comma in `\text{,}`. */
function withPlainTex(text: string): string {
  let modern = text;
  if (modern.includes('\\root')) modern = modern.replaceAll(rootOf, (_all, a, b) => `\\sqrt[${a ?? b}]`);
  if (modern.includes('\\cr'))
    modern = modern.replaceAll(
      plainMatrix,
      (_all, name, rows) =>
        `\\begin{${name}}${String(rows).replaceAll(/\\cr(?![a-zA-Z])/g, '\\\\')}\\end{${name}}`,
    );
  return modern.includes('{,}') ? modern.replaceAll(/\\text\s*\{,\}/g, '{,}') : modern;
}

function withCommands(text: string): string {
  let modern = text.includes('{\\') ? text.replaceAll(/\{\s*\\([,!;: ])\s*\}/g, '\\$1') : text;
  if (modern.includes('style'))
    modern = modern.replaceAll(/\\(?:display|text|script)style(?![a-zA-Z])\s*/g, '');
  if (modern.includes('\\not')) modern = modern.replaceAll(/\\not\s*(?:=|\\equiv(?![a-z]))/g, '\\ne ');
  if (modern.includes('^')) modern = modern.replaceAll(raisedOrdinal, '');
  if (modern.includes('\\prime')) {
    modern = modern.replaceAll(
      /\^\s*(?:\{((?:\s*\\prime)+)\s*\}|(\\prime)(?![a-zA-Z]))/g,
      (_all, several, one) => "'".repeat(String(several ?? one).split('\\prime').length - 1),
    );
  }
  if (modern.includes('\\circ'))
    modern = modern
      .replaceAll(temperature, (_all, upright, plain) => `\\text{ deg${upright ?? plain}}`)
      .replace(degrees, '$1\\text{ degrees}');
  if (modern.includes('\\Omega')) modern = modern.replaceAll(ohm, '$1\\text{ $2ohm}');
  if (modern.includes('\\mu')) modern = modern.replaceAll(micro, '$1\\text{ u$2}');
  if (modern.includes('\\overline') || modern.includes('\\bar'))
    modern = modern.replaceAll(/(\.\d*)\\(?:overline|bar)\s*(\d)/g, '$1\\overline{$2}');
  if (modern.includes('\\dot')) modern = modern.replaceAll(dottedDecimal, repeatDotted);
  if (unitVector.test(modern)) modern = modern.replaceAll(allUnitVectors, '\\hat{$1}');
  return modern;
}

/** Matches a raised ordinal suffix: `5^{\text{th}}`. */
const raisedOrdinal = /\^\s*(?:\{\s*)?\\(?:text|mathrm|textrm)\s*\{\s*(?:st|nd|rd|th)\s*\}(?:\s*\})?/g;
const temperature =
  /(?:\^\s*\{?\s*)?\\circ\s*\}?\s*(?:\\(?:mathrm|text|rm)\s*\{\s*([CF])\s*\}|([CF])(?![A-Za-z]))/g;
/** Matches an angle that is the entire answer: `45^\circ`. */
const degrees = /^(-?\d+(?:\.\d+)?)\s*(?:\^\s*)?\{?\s*\\circ\s*\}?$/;
const ohm =
  /(\d\}?(?:\s|\\[ ,;:!]|~)*)(?:\\(?:mathrm|text|rm)\s*\{(?:\s|~|\\[ ,;])*)?([kM]?)\s*\}?\s*(?:\\(?:mathrm|text|rm)\s*\{\s*)?\\Omega\s*\}?/g;
const micro =
  /(\d\}?(?:\s|\\[ ,;:!]|~)*)\\mu\s*(?:\\(?:mathrm|text|rm)\s*\{\s*)?([mgsAFLCVW])\s*\}?(?![A-Za-z])/g;

/**
 * Matches `\mathbf{i}`, `\vec{i}` and `\hat{\mathbf{i}}` next to a number or sign, where they are the unit vector
 * `\hat{i}`.
 */
const unitVector =
  /\\(?:mathbf|vec|bm|boldsymbol|hat|widehat)\s*\{\s*(?:\\(?:mathbf|bm|boldsymbol|hat|imath|jmath)|[ijk])/;
const allUnitVectors =
  /\\(?:mathbf|vec|bm|boldsymbol|hat|widehat)\s*\{\s*(?:\\(?:mathbf|bm|boldsymbol|hat)\s*\{\s*)?\\?([ijk])(?:math)?\s*\}?\s*\}/g;

const dottedDecimal = /(\d*\.\d*)((?:\\dot\s*(?:\{\d\}|\d)\d*)+)/g;

/** Marks the digits from the first to the last dotted one as repeating: `0.1\dot{2}3\dot{4}`. */
function repeatDotted(_all: string, fixed: string, dotted: string): string {
  const last = dotted.lastIndexOf('\\dot');
  const tail = /^\\dot\s*(?:\{\d\}|\d)(\d*)$/.exec(dotted.slice(last))?.[1] ?? '';
  const digits = dotted.replaceAll(/\D/g, '');
  return tail === '' ? `${fixed}\\overline{${digits}}` : `${fixed}${dotted}`;
}

const choose =
  /(?:\{\s*\})?(?:\^|_)\s*(?:\{\s*(\d+|[a-z])\s*\}|(\d))\s*(?:\\(?:mathrm|text|rm)\s*\{\s*)?([CP])\s*\}?\s*_\s*(?:\{\s*(\d+|[a-z])\s*\}|(\d+|[a-z]))/g;
const chooseUpright =
  /(?:\\mathrm\s*\{\s*([CPA])\s*\}|\b([CPA]))_\s*(?:\{\s*(\d+)\s*\}|(\d))\s*\^\s*(?:\{\s*(\d+)\s*\}|(\d))/g;
const chooseCall = /^([CP])\((\d+|[a-z]), ?(\d+|[a-z])\)$/;
const slashedFraction = /\^\s*(?:\{(\d+)\}|(\d+))\s*\/\s*_\s*(?:\{(\d+)\}|(\d+))/g;

function withBinomials(text: string): string {
  return text
    .replaceAll(slashedFraction, (_all, a, b, c, d) => `\\frac{${a ?? b}}{${c ?? d}}`)
    .replaceAll(choose, (_all, a, b, kind, c, d) => combinations(kind, a ?? b, c ?? d))
    .replaceAll(chooseUpright, (_all, upright, plain, a, b, c, d) =>
      combinations(upright ?? plain, a ?? b, c ?? d),
    )
    .replace(chooseCall, (_all, kind, n, k) => combinations(kind, n, k));
}

function combinations(kind: string, n: string, k: string): string {
  return kind === 'C' ? `\\binom{${n}}{${k}}` : `\\frac{${n}!}{(${n}-${k})!}`;
}

/** Rewrites `]0,1[` as (0,1): a bracket that faces outwards excludes its end. */
function withRoundBrackets(text: string): string {
  const plain = /\\(?:left|right)\s*[[\]]/.test(text)
    ? text.replaceAll(/\\(?:left|right)\s*(?=[[\]])/g, '')
    : text;
  if (!/^\s*(?:[a-zA-Z]\s*(?:\\in\s*))?\]|\[[^[\]]*,[^[\]]*\[/.test(plain)) return text;
  return plain.replaceAll(
    /([[\]])([^[\]]*[,;][^[\]]*)([[\]])/g,
    (_all, open, inside, close) => `${open === ']' ? '(' : '['}${inside}${close === '[' ? ')' : ']'}`,
  );
}
