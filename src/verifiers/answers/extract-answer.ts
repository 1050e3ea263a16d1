import { answerStart } from '../thinking.ts';

/** Position of a program in a completion; `start` and `end` index the completion's characters. */
interface Extract {
  readonly text: string;
  readonly start: number;
  readonly end: number;
}

/** Number of characters read. Programs are at the end, and the limit bounds the work on any completion. */
const maxCharacters = 8192;

/** Returns the final answer: at most the last 8,192 characters after the thinking. */
function finalAnswer(completion: string): Extract {
  const start = Math.max(answerStart(completion), completion.length - maxCharacters);
  return { text: completion.slice(start), start, end: completion.length };
}

const fence = /```([^\n`]*)\n([\s\S]*?)(?:```|$)/g;

/** Extracts the program: the last fenced block in `language` (or without one), else the whole final answer. */
export function lastProgram(completion: string, languages: readonly string[]): Extract {
  const whole = finalAnswer(completion);
  const block = [...whole.text.matchAll(fence)].findLast(([, name]) => {
    const label = name!.trim().toLowerCase();
    return label === '' || languages.includes(label);
  });
  if (block === undefined) return whole;
  const start = whole.start + block.index + 3 + block[1]!.length + 1;
  return { text: block[2]!, start, end: start + block[2]!.length };
}
