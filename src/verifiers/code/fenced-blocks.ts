/** A fenced block: the word after its opening fence, and its lines without the fence's indentation. */
export interface FencedBlock {
  readonly label: string;
  readonly text: string;
}

interface OpenBlock extends Fence {
  readonly lines: string[];
  /** Text that precedes the fence on its line. */
  readonly words: string;
  /** The lines up to the first one that ended in a fence, without that fence; undefined if there is none. */
  ended?: readonly string[];
}

interface Fence {
  readonly marks: string;
  /** The first word after the fence; `rest`: the entire rest of the line. */
  readonly label: string;
  readonly rest: string;
  readonly indent: number;
  readonly isQuoted: boolean;
}

/**
 * Returns the fenced blocks in Markdown as models write it, in one linear pass. In addition to CommonMark:
 *
 * - A fence may be indented at any depth (in a list, a quote); the lines lose that indentation.
 * - An opening fence may follow words on its line (`Answer:```python`); a closing fence may end a line of code, or be
 *   followed by words or a label. A block that opens before the previous one was closed closes the previous one.
 * - A block without a closing fence extends to the end of the text; a lone closing fence turns the text before it into
 *   a block.
 * - Code between fences on one line counts if there is no other block.
 */
export function fencedBlocks(text: string): FencedBlock[] {
  const blocks: FencedBlock[] = [];
  const inline: FencedBlock[] = [];
  const before: string[] = [];
  let open: OpenBlock | null = null;
  const close = (lines: readonly string[]): void => {
    blocks.push({ label: open!.label, text: `${lines.join('\n')}\n` });
    open = null;
  };
  for (const line of text.split('\n')) {
    if (open === null) {
      open = openingOn(line);
      if (open !== null) continue;
      before.push(line);
      inline.push(...inlineBlock(line));
      continue;
    }
    const body = inside(line, open);
    if (closes(open, line)) {
      const isNext = open.ended !== undefined && codeShare(open.lines.slice(open.ended.length)) === 0;
      close(isNext ? open.ended! : open.lines);
      const next = openingOn(line);
      // After a proper closing fence, only a fence with a label opens another block.
      if (next !== null && (isNext || /^\s*[\w.+#-]+\s*$/.test(next.rest))) open = next;
      continue;
    }
    if (open.ended === undefined && endsInFence(line, open.marks))
      open.ended = [...open.lines, body.trimEnd().slice(0, -open.marks.length)];
    open.lines.push(body);
  }
  if (open !== null) {
    const preceding = open.words === '' ? before : [...before, open.words];
    const isLoneClosing =
      blocks.length === 0 && open.label === '' && codeShare(preceding) > codeShare(open.lines);
    if (isLoneClosing) return [{ label: '', text: `${preceding.join('\n')}\n` }];
    close(open.ended ?? open.lines);
  }
  return blocks.length > 0 ? blocks : inline;
}

const quotePrefix = /^\s*(?:> ?)+/;

/** Returns the fence at the start of a line. */
function fenceAt(line: string): Fence | null {
  const quote = quotePrefix.exec(line)?.[0] ?? '';
  const [all, indent, marks] = /^(\s*)(`{3,}|~{3,})/.exec(line.slice(quote.length)) ?? [];
  if (all === undefined || indent === undefined || marks === undefined) return null;
  const rest = line.slice(quote.length + all.length);
  const label = /^\s*([^\s`]*)/.exec(rest)![1]!;
  return { marks, label, rest, indent: indent.length, isQuoted: quote !== '' };
}

/**
 * Returns the block that a line opens, with a fence at its start or after words that contain no other fence; null if it
 * opens none.
 */
function openingOn(line: string): OpenBlock | null {
  const fence = fenceAt(line);
  if (fence !== null) return fence.rest.includes('```') ? null : { ...fence, words: '', lines: [] };
  const at = line.search(/`{3}|~{3}/);
  if (at < 0) return null;
  const behind = fenceAt(line.slice(at))!;
  if (!/^\s*[\w.+#{}-]*\s*$/.test(behind.rest)) return null;
  return { ...behind, words: line.slice(0, at), lines: [] };
}

/** Returns whether a line closes the block: it begins with the same fence, followed by any text. */
function closes(open: OpenBlock, line: string): boolean {
  const fence = fenceAt(line);
  return fence !== null && fence.indent <= open.indent + 3 && fence.marks.startsWith(open.marks);
}

/** Returns a line of a block without the `>` of a quote and without the fence's indentation. */
function inside(line: string, open: Fence): string {
  const text = open.isQuoted ? line.replace(quotePrefix, '') : line;
  let end = 0;
  while (end < open.indent && (text[end] === ' ' || text[end] === '\t')) end++;
  return text.slice(end);
}

/** Returns whether a line of code ends with exactly this fence, which is not part of a comment or string. */
function endsInFence(line: string, marks: string): boolean {
  const trimmed = line.trimEnd();
  if (!trimmed.endsWith(marks)) return false;
  const code = trimmed.slice(0, -marks.length);
  return code.trim() !== '' && !/["'`~]$/.test(code) && !code.trimStart().startsWith('#');
}

/** Returns the code between two fences on one line, with or without a label that names Python. */
function inlineBlock(line: string): FencedBlock[] {
  const [, label, code] = /```(?:(python3?|py)\s+)?([^`]+)```\s*$/i.exec(line) ?? [];
  return code === undefined ? [] : [{ label: label ?? '', text: `${code}\n` }];
}

/** Returns the share of non-blank lines that look like Python. */
function codeShare(lines: readonly string[]): number {
  const filled = lines.filter((line) => line.trim() !== '');
  return filled.length === 0 ? 0 : filled.filter((line) => codeLine.test(line)).length / filled.length;
}

const codeLine =
  /^\s*(?:def|class|import|from|for|while|if|elif|else|try|except|finally|with|return|pass|@|#)\b|^[\w.[\], \t*+/%&|^-]+=|^\s*[\w.]+\(.*\)\s*$/;
