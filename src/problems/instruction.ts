/** Where a question goes in an instruction that is more than a line after it. */
const place = '{question}';

/**
 * What is asked: the question with the instruction on the line below, or in the place that the instruction leaves for it
 * with `{question}`.
 */
export function instructed(question: string, instruction: string | undefined): string {
  if (instruction === undefined) return question;
  return instruction.includes(place)
    ? instruction.replaceAll(place, () => question)
    : `${question}\n${instruction}`;
}
