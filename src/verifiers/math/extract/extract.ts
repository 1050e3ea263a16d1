import { answerStart } from '../../thinking.ts';
import type { MathPolicy } from '../comparison-policy.ts';
import { lastBoxed } from './boxes.ts';
import type { Extracted } from './extracted.ts';
import { lastMarked } from './markers.ts';
import { lastCandidate } from './passages.ts';
import { lastTag } from './tags.ts';

/** Maximum number of characters at the end of a completion that are searched. */
export const maxScanned = 8192;
/** Maximum number of characters of an answer. */
export const maxAnswer = 1000;

/** Tokens that chat models print after their turn; text after such a token does not belong to the answer. */
const endsOfTurn = ['<|im_end|>', '<|im_start|>', '<|endoftext|>', '<|eot_id|>', '</s>'];

/**
 * Finds the answer in a completion: the content of the last `<answer>`, else the last box, or a later "the final answer
 * is …"; if the policy allows it, the entire completion or the last formula or number. The last box or tag decides: if
 * it is never closed, there is no answer, and earlier ones do not count. Searches only the last `maxScanned` characters
 * after the thinking, a fixed number of times. If the thinking is never closed, there is no answer.
 */
export function extractAnswer(
  completion: string,
  extraction: MathPolicy['extraction'],
  isAnswer: (text: string) => boolean,
): Extracted | undefined {
  const from = Math.max(answerStart(completion), completion.length - maxScanned);
  const text = withoutTurnEnd(completion.slice(from));
  const found = findTagged(text, extraction, isAnswer);
  if (found === undefined || found.text.length > maxAnswer) return undefined;
  return { ...found, start: found.start + from, end: found.end + from };
}

/**
 * Searches inside the last answer tag, or in the entire text if there is none. With `boxed`, only a box counts, in the
 * tag or else anywhere.
 */
function findTagged(
  text: string,
  extraction: MathPolicy['extraction'],
  isAnswer: (text: string) => boolean,
): Extracted | undefined {
  const tag = lastTag(text);
  if (tag === 'unfinished' && extraction !== 'boxed') return undefined;
  if (tag === undefined || tag === 'unfinished') return find(text, extraction, isAnswer);
  const content = text.slice(tag.start, tag.end);
  const isBoxed = content.includes('\\boxed') || content.includes('\\fbox');
  if (extraction === 'boxed')
    return isBoxed ? within(tag.start, find(content, 'boxed', isAnswer)) : find(text, 'boxed', isAnswer);
  const found = find(content, 'anywhere', isAnswer);
  if (isBoxed || (found !== undefined && found.by !== 'whole completion')) return within(tag.start, found);
  const whole = content.trim();
  const start = tag.start + content.indexOf(whole);
  return { text: whole, start, end: start + whole.length, by: 'tag' };
}

function within(offset: number, found: Extracted | undefined): Extracted | undefined {
  return found && { ...found, start: found.start + offset, end: found.end + offset };
}

function find(
  text: string,
  extraction: MathPolicy['extraction'],
  isAnswer: (text: string) => boolean,
): Extracted | undefined {
  const box = lastBoxed(text);
  if (box === 'unfinished') return undefined;
  if (extraction === 'boxed') return box;
  const mayBeMarked = box === undefined || /[\p{L}\p{N}]/u.test(text.slice(box.end));
  const marked = mayBeMarked ? lastMarked(text, box !== undefined, isAnswer) : undefined;
  if (marked && (box === undefined || marked.start > box.end)) return marked;
  if (box || extraction === 'marked') return box;
  const whole = text.trim();
  if (whole !== '' && whole.length <= maxAnswer && isAnswer(whole)) {
    const start = text.indexOf(whole);
    return { text: whole, start, end: start + whole.length, by: 'whole completion' };
  }
  return lastCandidate(text);
}

function withoutTurnEnd(text: string): string {
  if (!text.includes('<')) return text;
  let end = text.length;
  for (const mark of endsOfTurn) {
    const at = text.indexOf(mark);
    if (at >= 0 && at < end) end = at;
  }
  return text.slice(0, end);
}
