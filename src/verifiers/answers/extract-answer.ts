import { answerStart } from '../thinking.ts';

/** Position of a program in a completion; `start` and `end` index the completion's characters. */
interface Extract {
  readonly text: string;
  readonly start: number;
  readonly end: number;
}

/** Maximum number of characters read, which bounds the work on any completion; programs are at the end. */
const maxCharacters = 8192;

/** Returns the final answer: at most the last 8,192 characters of the text after the thinking. */
function finalAnswer(completion: string): Extract {
  const start = Math.max(answerStart(completion), completion.length - maxCharacters);
  return { text: completion.slice(start), start, end: completion.length };
}

const fence = /```([^\n`]*)\n([\s\S]*?)(?:```|$)/g;

/**
 * Extracts the program: the last fenced block in one of `languages` (or without a language), else the entire final
 * answer.
 */
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
