import type { ProblemTests } from '../../core/problem.ts';

/**
 * The program in a completion: the last block fenced as Python after the last `</think>`, else the last fenced block, else
 * everything after the thinking. Null where nothing is left. A fence left open counts to the end. One linear pass.
 */
export function extractProgram(completion: string): string | null {
  const thought = completion.lastIndexOf('</think>');
  const answer = thought < 0 ? completion : completion.slice(thought + '</think>'.length);
  const blocks = fencedBlocks(answer).filter((block) => block.text.trim() !== '');
  const chosen = blocks.findLast((block) => /^(python3?|py)$/i.test(block.label)) ?? blocks.at(-1);
  const program = chosen?.text ?? answer;
  return program.trim() === '' ? null : program;
}

interface FencedBlock {
  readonly label: string;
  readonly text: string;
}

function fencedBlocks(text: string): FencedBlock[] {
  const blocks: FencedBlock[] = [];
  let open: { readonly fence: string; readonly label: string; readonly lines: string[] } | null = null;
  const close = (): void => {
    if (open !== null) blocks.push({ label: open.label, text: `${open.lines.join('\n')}\n` });
    open = null;
  };
  for (const line of text.split('\n')) {
    const [, fence, label = ''] = /^ {0,3}(`{3,}|~{3,})\s*([^\s`]*)/.exec(line) ?? [];
    if (fence === undefined) open?.lines.push(line);
    else if (open === null) open = { fence, label, lines: [] };
    else if (fence.startsWith(open.fence) && label === '') close();
    else open.lines.push(line);
  }
  close();
  return blocks;
}

/** The program as it is run: with the problem's preamble, and with its opening where the program only continues it. */
export function completeProgram(program: string, tests: ProblemTests): string {
  const continues =
    tests.type === 'asserts' && tests.opening !== undefined && !defines(program, tests.entryPoint);
  const opening = continues ? tests.opening : '';
  return futureImportsFirst(`${tests.preamble ?? ''}${opening}${program}`);
}

function defines(program: string, name: string): boolean {
  const escaped = name.replace(/[^\w]/g, String.raw`\$&`);
  return new RegExp(String.raw`^(async\s+)?(def|class)\s+${escaped}\b|^${escaped}\s*(:.*)?=`, 'm').test(
    program,
  );
}

/** Python wants `from __future__` lines before all others, and a preamble may have come before the program's. */
function futureImportsFirst(program: string): string {
  if (!/^from __future__ import/m.test(program)) return program;
  const lines = program.split('\n');
  const isFuture = (line: string): boolean => /^from __future__ import\s+\w[\w, ]*$/.test(line.trimEnd());
  return [...lines.filter(isFuture), ...lines.filter((line) => !isFuture(line))].join('\n');
}
