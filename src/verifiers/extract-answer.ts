/** Where an answer stands in a completion; `start` and `end` index the completion's characters. */
export interface Extract {
  readonly text: string;
  readonly start: number;
  readonly end: number;
}

const thinkingEnd = '</think>';
/** Answers stand at the end; reading no more than this bounds the work on any completion. */
const maxCharacters = 8192;
const boxStart = /\\(?:boxed|fbox)\s{0,8}\{/y;

/** What was written after thinking ended: at most the last 8,192 characters after the last `</think>`. */
export function finalAnswer(completion: string): Extract {
  const thought = completion.lastIndexOf(thinkingEnd);
  const afterThought = thought === -1 ? 0 : thought + thinkingEnd.length;
  const start = Math.max(afterThought, completion.length - maxCharacters);
  return { text: completion.slice(start), start, end: completion.length };
}

/**
 * The content of the last closed `\boxed{…}` of the final answer, the inner one of nested boxes. One pass with a stack of
 * open braces, so that thousands of unclosed boxes cost no more than other text.
 */
export function lastBoxed(completion: string): Extract | undefined {
  const { text, start: offset } = finalAnswer(completion);
  const open: { content: number; isBox: boolean }[] = [];
  let innermost = -1;
  let found: Extract | undefined;
  for (let i = 0; i < text.length; i++) {
    const character = text[i];
    boxStart.lastIndex = i;
    if (character === '\\' && boxStart.test(text)) {
      i = boxStart.lastIndex - 1;
      innermost = i + 1;
      open.push({ content: i + 1, isBox: true });
    } else if (character === '\\') i++;
    else if (character === '{') open.push({ content: i + 1, isBox: false });
    else if (character === '}') {
      const closed = open.pop();
      if (closed?.isBox !== true || closed.content < innermost) continue;
      found = { text: text.slice(closed.content, i), start: offset + closed.content, end: offset + i };
    }
  }
  return found;
}

const fence = /```([^\n`]*)\n([\s\S]*?)(?:```|$)/g;

/** The program of a completion: its last fenced block in `language` (or without one), else the whole final answer. */
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
