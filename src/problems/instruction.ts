import * as z from 'zod';
import type { Message } from '../core/problem.ts';

/** Schema fields for the text around questions, which data sets do not contain. */
export const instructionShape = {
  /** A line added below each question; if it contains `{question}`, a template for the last message. */
  instruction: z.string().optional(),
  /** The system message of each conversation; replaces one in the data. */
  system: z.string().optional(),
};
/** See `instructionShape`. */
export type Instruction = Readonly<z.infer<z.ZodObject<typeof instructionShape>>>;

/** The placeholder that makes an instruction a template. */
const place = '{question}';

/**
 * Applies instruction and system message to a prompt. The instruction goes into the last message: on a new line below
 * the question, or around it if it contains `{question}`.
 */
export function withInstruction(
  prompt: readonly Message[],
  { instruction, system }: Instruction,
): readonly Message[] {
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
