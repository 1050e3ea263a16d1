import * as z from 'zod';
import type { Message } from '../core/problem.ts';

/** How the questions of a source are put to a model: what data sets leave to whoever uses them. */
export const wordingShape = {
  /** A line added to each question, or, with `{question}` in it, all that is asked. */
  instruction: z.string().optional(),
  /** The system message of each conversation, in place of one that the data has. */
  system: z.string().optional(),
};
/** See `wordingShape`. */
export type Wording = Readonly<z.infer<z.ZodObject<typeof wordingShape>>>;

/** Where a question goes in an instruction that is more than a line after it. */
const place = '{question}';

/**
 * What is said to the model. The instruction belongs to the question: it is added to the last message, on the line below
 * or in the place that it leaves for the question with `{question}`.
 */
export function worded(prompt: readonly Message[], { instruction, system }: Wording): readonly Message[] {
  const last = prompt.at(-1);
  const asked =
    instruction === undefined || last === undefined
      ? prompt
      : [...prompt.slice(0, -1), { ...last, content: instructed(last.content, instruction) }];
  if (system === undefined) return asked;
  return [{ role: 'system', content: system }, ...asked.filter(({ role }) => role !== 'system')];
}

function instructed(question: string, instruction: string): string {
  return instruction.includes(place)
    ? instruction.replaceAll(place, () => question)
    : `${question}\n${instruction}`;
}
