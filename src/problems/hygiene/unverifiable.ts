import { imagesOf } from '../../core/image.ts';
import type { Problem } from '../../core/problem.ts';
import { questionOf } from './golds.ts';
import type { Finding } from './report.ts';

/** A kind of problem that no verifier can judge by its gold. Problems with tests are exempt. */
interface Kind {
  readonly reason: string;
  readonly explanation: string;
  readonly isOne: (question: string, gold: string, extra: NonNullable<Problem['extra']>) => boolean;
}

const asksForAnswer =
  /\b(?:find|determine|compute|calculate|evaluate|solve|simplify|express|what|which|how (?:many|much|long|far|old)|who|when|where)\b|\?|=\s*$/i;

const missingPicture: Kind = {
  reason: 'missing picture',
  explanation: 'depends on a picture that the text lacks',
  isOne: (question, _, extra) =>
    (needsPicture.test(question) || pictureColumns.some((name) => isFilled(extra[name]))) &&
    !/\[asy\]|\\begin\{(?:tikzpicture|asy)\}/.test(question),
};

const kinds: readonly Kind[] = [
  {
    reason: 'proof',
    explanation: 'asks for a proof, without an answer to compare',
    isOne: (question) =>
      /\b(?:prove|show|verify|demonstrate)\s+(?:that|the|if|for|by)\b/i.test(question) &&
      !asksForAnswer.test(question.replaceAll(/\b(?:for which|such that|where|when|how)\b/gi, '')),
  },
  {
    reason: 'placeholder gold',
    explanation: 'the gold is a placeholder, not an answer',
    isOne: (_, gold) => isPlaceholder(gold),
  },
  {
    reason: 'open question',
    explanation: 'asks for an explanation; the gold is prose',
    isOne: (question, gold) =>
      wordsOf(gold) > 25 ||
      (/\b(?:explain|describe|discuss|justify|why)\b/i.test(question) && wordsOf(gold) > 8),
  },
  missingPicture,
  {
    reason: 'choice without options',
    explanation: 'the gold is a letter, but the text lists no options',
    isOne: (question, gold) =>
      gold.length < 80 &&
      /^\W*(?:\\(?:text|mathrm|textbf)\s*\{)?\W*[A-E]\W*$/.test(gold) &&
      /\bwhich of the following\b/i.test(question) &&
      !/(?:\([A-E]\)|\b[A-E][.):]|\\(?:text|textbf|mathrm)\s*\{\s*\(?[A-E]\b)/.test(question),
  },
  {
    reason: 'several parts',
    explanation: 'asks several numbered questions but has one gold',
    isOne: (question, gold) => new Set(numberedQuestions(question)).size > 1 && !/[,;]/.test(gold),
  },
];

/** Matches values that data sets and exporters write for a missing gold, but not plausible answers such as `none`. */
const placeholders =
  /^\W*(?:n\/?a|none given|null|nan|nil|undefined|unknown|missing|placeholder|unanswerable|no (?:final )?(?:answer|solution given)(?: found)?|no solution found|(?:answer |solution )?not[ _-]?(?:found|available|provided|given|specified|applicable)|(?:see|cf\.?) (?:the )?(?:solution|proof|explanation).*|(?:to )?(?:proof|prove|be proved).*|answers? (?:may|will)? ?var(?:y|ies)|(?:answer |solution )?omitted|todo|tbd|-+|\?+|…|\.{2,}|_+)\W*$/i;

/** Detects a placeholder: bare, boxed, in `\text{…}`, Python's `None`, or an empty list. */
function isPlaceholder(gold: string): boolean {
  if (gold.length >= 80) return false;
  const bare = gold.replaceAll(/\\(?:boxed|fbox|text|textbf|mathrm|mbox)\s*(?=\{)|[{}$]/g, '').trim();
  return placeholders.test(bare) || /^(?:None|\[\]|\{\})$/.test(gold.trim());
}

const needsPicture =
  /!\[[^\]]{0,200}\]\(|<\|?(?:image|img|picture|figure|video)[^<>\n]{0,40}>|\[(?:image|img|figure|picture)(?:[ _-]?\d{1,2})?\]|\\includegraphics\b|\b(?:figure|diagram|picture|image|graph) (?:below|above|shown|at right|to the right)|\bas shown in the (?:figure|diagram|picture)/i;

/** Names of columns that contain the images of a question. */
const pictureColumns = [
  'images',
  'image',
  'image_1',
  'decoded_image',
  'image_path',
  'image_url',
  'pictures',
  'figure',
  'figures',
];

/** Returns whether a column contains a path, bytes, or a list of them. */
const isFilled = (value: unknown): boolean =>
  typeof value === 'string'
    ? value.trim() !== ''
    : typeof value === 'object' && value !== null && !(Array.isArray(value) && value.length === 0);

/** Returns the reason why no verifier can judge a problem by its gold; `undefined` if one can. */
export function findUnverifiable(problem: Problem): Finding | undefined {
  const { id, answer, extra = {} } = problem;
  if (answer === undefined) return undefined;
  const question = questionOf(problem);
  const hasImages = imagesOf(problem.prompt).length > 0;
  const kind = kinds.find(
    (one) => !(one === missingPicture && hasImages) && one.isOne(question, answer, extra),
  );
  if (kind === undefined) return undefined;
  const { reason, explanation } = kind;
  return {
    id,
    reason,
    explanation,
    evidence: { question: question.slice(0, 300), gold: answer.slice(0, 100) },
  };
}

/** Returns the labels of numbered parts that ask a question: `(1)`, `(ii)`, `(b)`. */
function numberedQuestions(question: string): string[] {
  const parts = question.matchAll(
    /\((?:[1-4]|i{1,3}|[a-d])\)(?=[^()]{0,200}?\b(?:find|determine|calculate|compute|prove|what|how)\b)/gi,
  );
  return Array.from(parts, ([label]) => label.toLowerCase());
}

function wordsOf(text: string): number {
  return text.match(/(?<![\\\w])[a-z]{2,}/gi)?.length ?? 0;
}
