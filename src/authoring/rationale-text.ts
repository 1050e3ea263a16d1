import type { Message, Problem } from '../core/problem.ts';
import { promptWith, questionOf } from './check-wording.ts';

/** Information for the teacher in addition to the question: the gold answer, as in KARD, or nothing. */
export const givens = ['answer', 'nothing'] as const;
export type Given = (typeof givens)[number];

/** Templates for the teacher's prompt; `{question}` and `{answer}` are replaced. */
export const teacherTemplates: Readonly<Record<Given, string>> = {
  answer:
    '{question}\n\nThe right answer is {answer}. Explain in a few sentences how the facts lead to it; state every fact that is ' +
    'needed. Do not mention that you were given the answer. End with the answer in the form that the question asks for.',
  nothing:
    '{question}\n\nExplain in a few sentences how the facts lead to the answer; state every fact that is needed. End with the ' +
    'answer in the form that the question asks for.',
};

/** Returns the prompt that asks a teacher for a rationale. */
export const teacherPrompt = (problem: Problem, template: string): readonly Message[] =>
  promptWith(
    problem.prompt,
    fill(template, { question: questionOf(problem.prompt), answer: problem.answer ?? '' }),
  );

/** Replaces `{question}` and `{answer}` in one pass, so `{answer}` in an inserted text is left unchanged. */
const fill = (template: string, texts: Readonly<Record<'question' | 'answer', string>>): string =>
  template.replaceAll(/\{(question|answer)\}/g, (_, name: 'question' | 'answer') => texts[name]);

const namesAnswer =
  /\\boxed\b|<answer>|^\W*(?:(?:so|thus|hence|therefore)\b[,:]? )?(?:the )?(?:(?:final|correct|right|best) )?answer\b/i;

/**
 * Returns the rationale: a completion without the sentences that name the answer (`<answer>…</answer>`, `\boxed{…}`,
 * "The answer is …"). The rationale is also the query that searches for passages, so it must not contain the letter of
 * an answer option.
 */
export function rationaleIn(completion: string): string {
  const withoutTags = completion.replaceAll(/<answer>[^]*?<\/answer>/gi, '');
  const kept = withoutTags.split('\n').flatMap((line) => {
    const sentences = line.split(/(?<=[.!?])\s+/);
    const rest = sentences.filter((sentence) => !namesAnswer.test(sentence));
    return rest.length === sentences.length ? [line] : rest.length === 0 ? [] : [rest.join(' ')];
  });
  return kept.join('\n').trim();
}

/** Returns a prompt with the question and a rationale, to test whether a reader of the rationale reaches the answer. */
export const promptWithRationale = ({ prompt }: Problem, rationale: string): readonly Message[] =>
  promptWith(prompt, `${questionOf(prompt)}\n\nExplanation: ${rationale}`);
