/** Tables of the commands and words of LaTeX and plain mathematics that the tokenizer knows. */

/** Commands that change only the layout. */
export const layoutCommands: ReadonlySet<string> = new Set(
  (
    'left right middle big Big bigg Bigg bigl bigr Bigl Bigr biggl biggr Biggl Biggr displaystyle textstyle ' +
    'scriptstyle limits nolimits quad qquad thinspace enspace medspace thickspace ! , ; : > / rm bf it sf tt boldmath normalsize large ' +
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

/** Commands whose braced argument contains words. */
export const textCommands: ReadonlySet<string> = new Set(
  'text textbf textrm textit textnormal textsf texttt mbox hbox mathrm mathbf mathit mathsf operatorname mathcal emph'.split(
    ' ',
  ),
);

/** Commands (and `\mathbb` letters), each with the spelling that replaces it. */
export const synonyms: Readonly<Record<string, string>> = {
  dfrac: 'frac',
  tfrac: 'frac',
  cfrac: 'frac',
  nicefrac: 'frac',
  sfrac: 'frac',
  xfrac: 'frac',
  flatfrac: 'frac',
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
  lor: 'or',
  wedge: 'and',
  vee: 'or',
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
  arctg: 'arctan',
  arcctg: 'arccot',
  surd: 'sqrt',
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
  fbox: 'boxed',
  parallel: '|',
  backslash: 'setminus',
  smallsetminus: 'setminus',
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
    'floor ceil binom mod Re Im arg deg cbrt'
  ).split(' '),
);

/** Words that are read as commands if they are separate words. */
export const plainCommands: ReadonlySet<string> = new Set([
  ...functionNames,
  ...'asin acos atan tg ctg cosec lg pi infinity Infinity inf infty oo percent percentage pct and or emptyset'.split(
    ' ',
  ),
]);

/** Countable nouns of three letters that would otherwise be read as products of variables. */
export const shortNouns: ReadonlySet<string> = new Set(
  'bag bar bat bay can cap car cat cam day fan gas ham hat jar lap mat map man nap pan pad pal rat ram ray sack tag tap van way yam gal ant arm art egg ice ink oil owl ear eye elk inn oak oar ore urn'.split(
    ' ',
  ),
);

/** Nouns that contain the name of a function. */
export const nounsLikeFunctions: ReadonlySet<string> = new Set(
  'floors floor logs vlogs blogs stand stands mini minis sins cots cot tans expos'.split(' '),
);

/** Commands whose synonym is an ordinary sign. */
export const signCommands: ReadonlySet<string> = new Set("+-*/^_=<>()[]|!,;:&%'");
