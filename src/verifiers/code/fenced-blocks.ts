/** A fenced block: the word after its opening fence, and the lines in it without the fence's indentation. */
export interface FencedBlock {
  readonly label: string;
  readonly text: string;
}

interface OpenBlock {
  readonly fence: string;
  readonly label: string;
  readonly indent: number;
  readonly lines: string[];
  /** The lines up to the first one that ended in a fence, without that fence; undefined if there is none. */
  ended?: readonly string[];
}

/**
 * Returns the fenced blocks of Markdown as models write it, in one linear pass. Beyond CommonMark:
 *
 * - A fence may be indented at any depth (in a list); the lines lose that indentation.
 * - An opening fence may follow words on its line (`Answer:```python`), a closing fence may end a line of code.
 * - A fence left open counts to the end; a lone closing fence makes a block of what precedes it.
 */
export function fencedBlocks(text: string): FencedBlock[] {
  const blocks: FencedBlock[] = [];
  const before: string[] = [];
  let open: OpenBlock | null = null;
  const close = (lines: readonly string[]): void => {
    blocks.push({ label: open!.label, text: `${lines.join('\n')}\n` });
    open = null;
  };
  for (const line of text.split('\n')) {
    if (open === null) {
      open = openingOn(line);
      if (open === null) before.push(line);
      continue;
    }
    const fence: Fence | null = fenceAt(line);
    const isClosing: boolean =
      fence !== null && fence.indent <= open.indent + 3 && fence.marks.startsWith(open.fence);
    const { ended } = open;
    const isNext = isClosing && ended !== undefined && codeShare(open.lines.slice(ended.length)) === 0;
    if (isClosing && (isNext || (ended !== undefined && fence!.label !== ''))) {
      // The block ended at a line's end, and the next one opens here.
      close(ended);
      open = openingOn(line);
    } else if (isClosing && fence!.label === '') {
      close(open.lines);
    } else {
      if (open.ended === undefined && endsInFence(line, open.fence)) {
        open.ended = [...open.lines, unindented(line.trimEnd().slice(0, -open.fence.length), open.indent)];
      }
      open.lines.push(unindented(line, open.indent));
    }
  }
  if (open !== null) {
    const isLoneClosing =
      blocks.length === 0 && open.label === '' && codeShare(before) > codeShare(open.lines);
    if (isLoneClosing) return [{ label: '', text: `${before.join('\n')}\n` }];
    close(open.ended ?? open.lines);
  }
  return blocks;
}

interface Fence {
  readonly marks: string;
  readonly label: string;
  readonly indent: number;
}

function fenceAt(line: string): Fence | null {
  const [, indent, marks, label] = /^(\s*)(`{3,}|~{3,})\s*([^\s`]*)/.exec(line) ?? [];
  return marks === undefined ? null : { marks, label: label!, indent: indent!.length };
}

/** A fence at a line's start, or behind words that hold no other fence. */
function openingOn(line: string): OpenBlock | null {
  const at = line.search(/`{3}|~{3}/);
  if (at < 0) return null;
  const fence = fenceAt(line.slice(at))!;
  const words = line.slice(0, at);
  const rest = line.slice(at + fence.marks.length);
  if (words.trim() !== '' && !/^\s*[\w.+#{}-]*\s*$/.test(rest)) return null;
  const indent = words.trim() === '' ? words.length : 0;
  return { fence: fence.marks, label: fence.label, indent, lines: [] };
}

/** Whether a line of code ends with exactly this fence, and not in a comment or a string that shows one. */
function endsInFence(line: string, fence: string): boolean {
  const trimmed = line.trimEnd();
  if (!trimmed.endsWith(fence)) return false;
  const code = trimmed.slice(0, -fence.length);
  return code.trim() !== '' && !/["'`~]$/.test(code) && !code.trimStart().startsWith('#');
}

function unindented(line: string, indent: number): string {
  let end = 0;
  while (end < indent && (line[end] === ' ' || line[end] === '\t')) end++;
  return line.slice(end);
}

/** The share of filled lines that look like Python. */
function codeShare(lines: readonly string[]): number {
  const filled = lines.filter((line) => line.trim() !== '');
  return filled.length === 0 ? 0 : filled.filter((line) => codeLine.test(line)).length / filled.length;
}

const codeLine =
  /^\s*(?:def|class|import|from|for|while|if|elif|else|try|except|finally|with|return|pass|@|#)\b|^\s*[\w.[\], ]+\s*[-+*/%&|^]?=|^\s*[\w.]+\(.*\)\s*$/;
