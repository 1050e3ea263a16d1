import { boxConnector } from '../../../core/text/box-connector.ts';
import type { Extracted } from './extracted.ts';

/**
 * A closed box: `[start, end)` extends from its backslash through its closing brace; the text of the answer starts at
 * `content`.
 */
interface Box {
  readonly text: string;
  readonly start: number;
  readonly content: number;
  readonly end: number;
}

const commands = ['\\boxed', '\\fbox', '\\framebox'];

/**
 * Finds the last box of a text, joined with boxes directly before it: `\boxed{1} and \boxed{2}` is the list 1, 2, and
 * `\boxed{x<1} or \boxed{x>3}` keeps its "or". The last box decides: if it is not closed, the answer was cut off, and
 * the result is `unfinished`. Makes one pass over the text with a stack of open braces, so even 20,000 unclosed boxes
 * take linear time.
 */
export function lastBoxed(text: string): Extracted | 'unfinished' | undefined {
  if (firstBox(text) < 0) return undefined;
  const scan = scanWithEscapes(text);
  const boxes = outermost(scan.boxes);
  const last = boxes.at(-1);
  if (scan.unfinished !== undefined && scan.unfinished > (last?.start ?? -1)) return 'unfinished';
  if (last === undefined) return undefined;
  const joined = [last];
  const connectors: string[] = [];
  for (const box of boxes.slice(0, -1).toReversed()) {
    const next = joined[0]!;
    const connector = next.text.trim() === '' ? undefined : boxConnector(text.slice(box.end, next.start));
    if (connector === undefined) break;
    joined.unshift(box);
    connectors.unshift(connector);
  }
  if (joined.length === 1) return { text: last.text, start: last.content, end: contentEnd(last), by: 'box' };
  return joinBoxes(joined, connectors);
}

/** Joins several boxes into one answer; skips a box that repeats an earlier one. */
function joinBoxes(boxes: readonly Box[], connectors: readonly string[]): Extracted {
  const [first, last] = [boxes[0]!, boxes.at(-1)!];
  const seen = new Set<string>();
  let text = '';
  for (const [index, box] of boxes.entries()) {
    const content = box.text.trim();
    if (seen.has(content)) continue;
    text += index === 0 ? content : `${connectors[index - 1]}${content}`;
    seen.add(content);
  }
  if (seen.size === 1) return { text: last.text, start: last.content, end: contentEnd(last), by: 'box' };
  return { text, start: first.content, end: contentEnd(last), by: 'box' };
}

function contentEnd(box: Box): number {
  return box.content + box.text.length;
}

/** The closed boxes in the order in which they close, and the start of the last box that never closes. */
interface Scan {
  readonly boxes: Box[];
  readonly unfinished: number | undefined;
}

/** Scans a text for boxes. If no box closes and no set was opened, reads `\}` as the closing brace: `\boxed{5\}`. */
function scanWithEscapes(text: string): Scan {
  const scan = scanBoxes(text, true);
  const mayBeEscaped = scan.boxes.length === 0 && text.includes('\\}') && !text.includes('\\{');
  return mayBeEscaped ? scanBoxes(text, false) : scan;
}

function scanBoxes(text: string, hasEscapes: boolean): Scan {
  const boxes: Box[] = [];
  const open: ({ readonly start: number; readonly content: number } | undefined)[] = [];
  for (let at = firstBox(text); at < text.length; at++) {
    const character = text[at];
    if (character === '\\') {
      const content = boxContent(text, at);
      if (content === undefined) at += hasEscapes && isEscapable(text[at + 1]) ? 1 : 0;
      else if (text[content] === '{') {
        open.push({ start: at, content: content + 1 });
        at = content;
      } else {
        const end = unbracedEnd(text, content);
        if (content >= text.length) open.push({ start: at, content });
        else if (end > content) boxes.push({ text: text.slice(content, end), start: at, content, end });
      }
    } else if (character === '{') open.push(undefined);
    else if (character === '}') {
      const box = open.pop();
      if (box) boxes.push({ text: text.slice(box.content, at), ...box, end: at + 1 });
    }
  }
  return { boxes, unfinished: open.findLast((box) => box !== undefined)?.start };
}

/** Returns the index of the first box, or -1. Scanning can start there, because an earlier brace cannot close a box. */
function firstBox(text: string): number {
  if (!text.includes('box')) return -1;
  const starts = commands.map((command) => text.indexOf(command)).filter((start) => start >= 0);
  return starts.length === 0 ? -1 : Math.min(...starts);
}

/**
 * Returns the index of a box's brace, or of the first character of its content, if a box command begins at `at`; else
 * undefined.
 */
function boxContent(text: string, at: number): number | undefined {
  const command = commands.find((candidate) => text.startsWith(candidate, at));
  if (command === undefined) return undefined;
  let content = at + command.length;
  while (text[content] === ' ' || text[content] === '\n') content++;
  return content;
}

/** Returns the end of a box without braces (`\boxed 5`): the next space, dollar sign or brace. */
function unbracedEnd(text: string, start: number): number {
  let end = start;
  while (end < text.length && !' \n\t$\\{}.,;'.includes(text[end]!)) end++;
  return end;
}

/** Drops boxes inside another box, which are part of its text. */
function outermost(boxes: readonly Box[]): Box[] {
  const kept: Box[] = [];
  for (const box of boxes) {
    while (kept.length > 0 && kept.at(-1)!.start > box.start) kept.pop();
    kept.push(box);
  }
  return kept;
}

function isEscapable(character: string | undefined): boolean {
  return character === '{' || character === '}';
}
