import type { ProblemTests } from '../../core/problem.ts';
import { answerStart } from '../thinking.ts';
import { fencedBlocks } from './fenced-blocks.ts';

/**
 * Returns the program in a completion: after the thinking, the last block fenced as Python, else the last fenced block,
 * else the content of the last `<answer>` tag, else the entire text. Returns null if that is blank. See `fencedBlocks`
 * for what counts as a fence.
 */
export function extractProgram(completion: string): string | null {
  const answer = completion.slice(answerStart(completion)).replaceAll(/^\uFEFF/gm, '');
  const blocks = fencedBlocks(answer).filter((block) => block.text.trim() !== '');
  const chosen = blocks.findLast((block) => isPython(block.label)) ?? blocks.at(-1);
  const program = chosen?.text ?? tagged(answer) ?? answer;
  return program.trim() === '' ? null : program;
}

/** Returns the content of the last `<answer>` tag; undefined if there is none. */
function tagged(text: string): string | undefined {
  const at = text.lastIndexOf('<answer>');
  return at < 0 ? undefined : text.slice(at + '<answer>'.length).split('</answer>')[0];
}

/** Returns whether a fence's label names Python: `python`, `py`, `Python3.11`, `{.python}`, `pypy3`. */
const isPython = (label: string): boolean => /^\{?\.?(python|py|pypy)[\d.]*\}?$/i.test(label);

/**
 * Returns the program to run: the given program, preceded by the problem's preamble, and by its opening if the program
 * only continues it. A program that is indented as a whole loses that indentation, unless it continues an opening.
 */
export function completeProgram(program: string, tests: ProblemTests): string {
  const opening = tests.type === 'asserts' ? tests.opening : undefined;
  const shifted = dedent(program);
  const isWhole = opening === undefined || defines(shifted, tests.type === 'asserts' ? tests.entryPoint : '');
  return futureImportsFirst(`${tests.preamble ?? ''}${isWhole ? shifted : `${opening}${program}`}`);
}

/** Removes the indentation that all lines of a text share. */
function dedent(text: string): string {
  const indent = /^[ \t]*(?=\S)/m.exec(text)?.[0] ?? '';
  const lines = text.split('\n');
  const isShared = indent !== '' && lines.every((line) => line.startsWith(indent) || line.trim() === '');
  return isShared ? lines.map((line) => line.slice(indent.length)).join('\n') : text;
}

function defines(program: string, name: string): boolean {
  const escaped = name.replace(/[^\w]/g, String.raw`\$&`);
  return new RegExp(String.raw`^(async\s+)?(def|class)\s+${escaped}\b|^${escaped}\s*(:.*)?=`, 'm').test(
    program,
  );
}

/**
 * Moves `from __future__` lines to the top, where Python requires them, because a preamble may precede those of the
 * program.
 */
function futureImportsFirst(program: string): string {
  if (!/^from __future__ import/m.test(program)) return program;
  const lines = program.split('\n');
  const isFuture = (line: string): boolean => /^from __future__ import\s+\w[\w, ]*$/.test(line.trimEnd());
  return [...lines.filter(isFuture), ...lines.filter((line) => !isFuture(line))].join('\n');
}
