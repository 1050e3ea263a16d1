import type { MathPolicy } from '../policy.ts';
import { lastBoxed } from './boxes.ts';
import type { Extracted } from './extracted.ts';
import { lastCandidate, lastMarked } from './passages.ts';

/** Only this much of a completion's end is searched. */
export const maxScanned = 8192;
/** A longer stretch is not an answer. */
export const maxAnswer = 1000;

const endOfThinking = '</think>';
/** What a chat model prints after its turn; nothing behind it belongs to the answer. */
const endsOfTurn = ['<|im_end|>', '<|im_start|>', '<|endoftext|>', '<|eot_id|>', '</s>'];

/**
 * Finds the answer in a completion: the last box, or a later "the final answer is …"; where the policy allows, the
 * whole completion or the last formula or number. Looks only behind the last `</think>` and at the last
 * `maxScanned` characters, and reads them a fixed number of times.
 */
export function extractAnswer(
  completion: string,
  extraction: MathPolicy['extraction'],
  isAnswer: (text: string) => boolean,
): Extracted | undefined {
  const from = scanStart(completion);
  const text = withoutTurnEnd(completion.slice(from));
  const found = find(text, extraction, isAnswer);
  if (found === undefined || found.text.length > maxAnswer) return undefined;
  return { ...found, start: found.start + from, end: found.end + from };
}

function find(
  text: string,
  extraction: MathPolicy['extraction'],
  isAnswer: (text: string) => boolean,
): Extracted | undefined {
  const box = lastBoxed(text);
  if (extraction === 'boxed') return box;
  const marked = lastMarked(text, box !== undefined, isAnswer);
  if (marked && (box === undefined || marked.start > box.end)) return marked;
  const isCutOff = text.includes('\\boxed{');
  if (box || isCutOff || extraction === 'marked') return box;
  const whole = text.trim();
  if (whole !== '' && whole.length <= maxAnswer && isAnswer(whole)) {
    const start = text.indexOf(whole);
    return { text: whole, start, end: start + whole.length, by: 'whole completion' };
  }
  return lastCandidate(text);
}

function scanStart(completion: string): number {
  const thinking = completion.lastIndexOf(endOfThinking);
  const afterThinking = thinking < 0 ? 0 : thinking + endOfThinking.length;
  return Math.max(afterThinking, completion.length - maxScanned);
}

function withoutTurnEnd(text: string): string {
  let end = text.length;
  for (const mark of endsOfTurn) {
    const at = text.indexOf(mark);
    if (at >= 0 && at < end) end = at;
  }
  return text.slice(0, end);
}
