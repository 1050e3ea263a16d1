/** The words of LaTeX and plain mathematics the tokenizer knows, as tables. */

/** Commands that only move ink about. */
export const layoutCommands: ReadonlySet<string> = new Set(
  (
    'left right middle big Big bigg Bigg bigl bigr Bigl Bigr biggl biggr Biggl Biggr displaystyle textstyle ' +
    'scriptstyle limits nolimits quad qquad thinspace enspace ! , ; : > / rm bf it sf tt boldmath normalsize large ' +
    'Large dotfill hfill noindent nonumber boldsymbol underline ensuremath'
  ).split(' '),
);

/** Commands whose braced argument is not part of the answer. */
export const hiddenCommands: ReadonlySet<string> = new Set([
  'phantom',
  'hspace',
  'vspace',
  'label',
  'tag',
  'hphantom',
  'vphantom',
  'color',
  'textcolor',
]);

/** Commands whose braced argument is words. */
export const textCommands: ReadonlySet<string> = new Set(
  'text textbf textrm textit textnormal textsf texttt mbox hbox mathrm mathbf mathit mathsf operatorname mathcal emph'.split(
    ' ',
  ),
);

/** Commands (and `\mathbb` letters) that mean the same as another spelling. */
export const synonyms: Readonly<Record<string, string>> = {
  dfrac: 'frac',
  tfrac: 'frac',
  cfrac: 'frac',
  dbinom: 'binom',
  tbinom: 'binom',
  leq: 'le',
  leqslant: 'le',
  geq: 'ge',
  geqslant: 'ge',
  neq: 'ne',
  lt: '<',
  gt: '>',
  colon: ':',
  simeq: 'approx',
  thickapprox: 'approx',
  equiv: '=',
  coloneqq: '=',
  subseteq: 'subset',
  ni: 'in',
  cdot: '*',
  times: '*',
  ast: '*',
  bullet: '*',
  div: '/',
  vert: '|',
  lvert: '|',
  rvert: '|',
  mid: '|',
  lbrace: '{',
  rbrace: '}',
  lbrack: '[',
  rbrack: ']',
  lparen: '(',
  rparen: ')',
  implies: 'and',
  to: 'and',
  rightarrow: 'and',
  longrightarrow: 'and',
  Rightarrow: 'and',
  Longrightarrow: 'and',
  land: 'and',
  lor: 'and',
  wedge: 'and',
  vee: 'and',
  iff: 'and',
  varnothing: 'emptyset',
  Reals: 'reals',
  R: 'reals',
  infin: 'infty',
  degree: 'circ',
  degrees: 'circ',
  ldots: 'dots',
  cdots: 'dots',
  dotsc: 'dots',
  dotsb: 'dots',
  textdegree: 'circ',
  asin: 'arcsin',
  acos: 'arccos',
  atan: 'arctan',
  tg: 'tan',
  ctg: 'cot',
  cosec: 'csc',
  lg: 'log',
  Log: 'log',
  inf: 'infty',
  infinity: 'infty',
  Infinity: 'infty',
  oo: 'infty',
  percent: '%',
  percentage: '%',
  pct: '%',
  or: 'and',
  fbox: 'boxed',
  parallel: '|',
  setminus: 'setminus',
  backslash: 'setminus',
  cup: 'cup',
  cap: 'cap',
  bigcup: 'cup',
  bigcap: 'cap',
  euro: 'euro',
  pounds: 'pound',
  prime: "'",
  slash: '/',
};

/** `\mathbb{…}` letters that name a set. */
export const namedSets: Readonly<Record<string, string>> = {
  R: 'reals',
  Z: 'integers',
  N: 'naturals',
  Q: 'rationals',
  C: 'complexes',
};

/** Functions written as `\sin`, `\operatorname{sin}` or plainly `sin`. */
export const functionNames: ReadonlySet<string> = new Set(
  (
    'arcsin arccos arctan arccot sinh cosh tanh sin cos tan cot sec csc sqrt log ln exp abs max min gcd lcm det cis ' +
    'floor ceil binom mod Re Im arg deg'
  ).split(' '),
);

/** Words that are read as commands wherever they stand alone. */
export const plainCommands: ReadonlySet<string> = new Set([
  ...functionNames,
  ...'asin acos atan tg ctg cosec lg pi infinity Infinity inf infty oo percent percentage pct and or emptyset'.split(
    ' ',
  ),
]);

/** One character of Unicode for what ASCII or LaTeX spells otherwise. */
export const unicodeSpellings: Readonly<Record<string, string>> = {
  '−': '-',
  '–': '-',
  '—': '-',
  '‐': '-',
  '×': '*',
  '·': '*',
  '∙': '*',
  '⋅': '*',
  '÷': '/',
  '∕': '/',
  '⁄': '/',
  '≤': '\\le ',
  '⩽': '\\le ',
  '≥': '\\ge ',
  '⩾': '\\ge ',
  '≠': '\\ne ',
  '≈': '\\approx ',
  '∈': '\\in ',
  '∪': '\\cup ',
  '∩': '\\cap ',
  '∅': '\\emptyset ',
  '∞': '\\infty ',
  '±': '\\pm ',
  '∓': '\\mp ',
  '√': '\\sqrt ',
  π: '\\pi ',
  θ: '\\theta ',
  α: '\\alpha ',
  β: '\\beta ',
  ℝ: '\\reals ',
  ℤ: '\\integers ',
  '°': '\\circ ',
  '′': "'",
  '’': "'",
  '‘': "'",
  '“': '"',
  '”': '"',
  '²': '^2',
  '³': '^3',
  '½': '\\frac{1}{2}',
  '¼': '\\frac{1}{4}',
  '¾': '\\frac{3}{4}',
  '（': '(',
  '）': ')',
  '，': ',',
  '。': '.',
  '：': ':',
  '；': ';',
  '％': '%',
  '＝': '=',
  '⟨': '\\langle ',
  '⟩': '\\rangle ',
  '∖': '\\setminus ',
  '\u00a0': ' ',
  '\u2009': ' ',
  '\u202f': ' ',
  '\u200b': '',
  '\u2060': '',
  '\ufeff': '',
  '€': '',
  '£': '',
  '¥': '',
  '₹': '',
  '\r': ' ',
};

/** Abbreviated units that a value may carry without `\text`. Single letters are variables, never units. */
export const unitAbbreviations: ReadonlySet<string> = new Set(
  'cm mm km in ft kg mg lb lbs oz hr hrs min mins sec secs mph kph ml yd deg rad sq Hz cents cent am pm AM PM'.split(
    ' ',
  ),
);

/** Number words that stand for digits when they are the whole answer. */
export const numberWords: readonly string[] =
  'zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen twenty'.split(
    ' ',
  );
