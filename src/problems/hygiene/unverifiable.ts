import type { Problem } from '../../core/problem.ts';
import { questionOf } from './golds.ts';
import type { Finding } from './report.ts';

/** A kind of problem that no verifier can judge by its gold, and how to know it. Problems with tests are never of one. */
interface Kind {
  readonly reason: string;
  readonly explanation: string;
  readonly isOne: (question: string, gold: string) => boolean;
}

const asksForAnswer =
  /\b(?:find|determine|compute|calculate|evaluate|solve|simplify|express|what|which|how (?:many|much|long|far|old)|who|when|where)\b|\?|=\s*$/i;

const kinds: readonly Kind[] = [
  {
    reason: 'proof',
    explanation: 'asks for a proof and for nothing that could be compared',
    isOne: (question) =>
      /\b(?:prove|show|verify|demonstrate)\s+(?:that|the|if|for|by)\b/i.test(question) &&
      !asksForAnswer.test(question.replaceAll(/\b(?:for which|such that|where|when|how)\b/gi, '')),
  },
  {
    reason: 'placeholder gold',
    explanation: 'the gold stands for an answer without being one',
    isOne: (_, gold) =>
      gold.length < 80 &&
      /^\W*(?:n\/?a|none given|null|nan|undefined|unknown|no answer|not (?:found|available|provided)|(?:see|cf\.?) (?:the )?(?:solution|proof|explanation).*|proof.*|answers? (?:may|will)? ?var(?:y|ies)|omitted|todo|tbd|-+|\?+)\W*$/i.test(
        gold,
      ),
  },
  {
    reason: 'open question',
    explanation: 'asks for an explanation, and its gold is prose',
    isOne: (question, gold) =>
      wordsOf(gold) > 25 ||
      (/\b(?:explain|describe|discuss|justify|why)\b/i.test(question) && wordsOf(gold) > 8),
  },
  {
    reason: 'missing picture',
    explanation: 'depends on a picture that is not in the text',
    isOne: (question) =>
      /!\[[^\]]{0,200}\]\(|<img\b|\b(?:figure|diagram|picture|image|graph) (?:below|above|shown|at right|to the right)|\bas shown in the (?:figure|diagram|picture)/i.test(
        question,
      ) && !/\[asy\]|\\begin\{(?:tikzpicture|asy)\}/.test(question),
  },
  {
    reason: 'choice without options',
    explanation: 'the gold is a letter of options that the text does not show',
    isOne: (question, gold) =>
      gold.length < 80 &&
      /^\W*(?:\\(?:text|mathrm|textbf)\s*\{)?\W*[A-E]\W*$/.test(gold) &&
      /\bwhich of the following\b/i.test(question) &&
      !/(?:\([A-E]\)|\b[A-E][.):]|\\(?:text|textbf|mathrm)\s*\{\s*\(?[A-E]\b)/.test(question),
  },
  {
    reason: 'several parts',
    explanation: 'asks several numbered questions and has one gold',
    isOne: (question, gold) => new Set(numberedQuestions(question)).size > 1 && !/[,;]/.test(gold),
  },
];

/** Why no verifier could judge a problem by its gold; nothing when one can. */
export function findUnverifiable(problem: Problem): Finding | undefined {
  const { id, answer } = problem;
  if (answer === undefined) return undefined;
  const question = questionOf(problem);
  const kind = kinds.find(({ isOne }) => isOne(question, answer));
  if (kind === undefined) return undefined;
  const { reason, explanation } = kind;
  return {
    id,
    reason,
    explanation,
    evidence: { question: question.slice(0, 300), gold: answer.slice(0, 100) },
  };
}

/** The labels of numbered parts that ask for something: `(1)`, `(ii)`, `(b)`. */
function numberedQuestions(question: string): string[] {
  const parts = question.matchAll(
    /\((?:[1-4]|i{1,3}|[a-d])\)(?=[^()]{0,200}?\b(?:find|determine|calculate|compute|prove|what|how)\b)/gi,
  );
  return Array.from(parts, ([label]) => label.toLowerCase());
}

function wordsOf(text: string): number {
  return text.match(/(?<![\\\w])[a-z]{2,}/gi)?.length ?? 0;
}
