/** Wordings of generated questions: some are for training, the others only for evaluation. */
export type WordingSplit = 'train' | 'held-out';

/**
 * Forms of a question, by the pattern that its text has. Every form repeats what the pattern captures unchanged, so that
 * numbers and gold stay the same. The forms use the notation of the families, which gradus-tiny's tokenizer reads.
 */
const forms: readonly {
  readonly of: RegExp;
  readonly as: Readonly<Record<WordingSplit, readonly string[]>>;
}[] = [
  {
    // An equation, `3x+5=20,x=?`.
    of: /^(.*x.*=.*),x=\?$/,
    as: {
      train: ['x=?,$1', 'if $1,x=?', '$1: x'],
      'held-out': ['?=x,$1', 'if $1: x', '$1; x=?'],
    },
  },
  {
    // An expression, `(3+4)*5=?`.
    of: /^([^x]+)=\?$/,
    as: {
      train: ['?=$1', 'x=$1,x=?', 'n: $1'],
      'held-out': ['y=$1,y=?', 'y: $1', 'if n=$1,n=?'],
    },
  },
  {
    // A sequence, `3,7,11,?`.
    of: /^([-\d,]+),\?$/,
    as: {
      train: ['$1,x,x=?', 'n: $1,?', '?: $1'],
      'held-out': ['$1,y,y=?', 'y: $1,?', '?=$1,?'],
    },
  },
  {
    // A story, `Ann has 5 pens, buys 3. total?`.
    of: /^((?:Ann|Tom) has .+\. (?:total|left|each)\?)$/,
    as: {
      train: ['if $1', 'n: $1', '$1=?'],
      'held-out': ['y: $1', '? $1', '$1; ?'],
    },
  },
];

/** Returns the other wordings of a question; none for families without forms. */
export function wordingsOf(question: string, split: WordingSplit): string[] {
  const form = forms.find(({ of }) => of.test(question));
  return form === undefined ? [] : form.as[split].map((text) => question.replace(form.of, text));
}
