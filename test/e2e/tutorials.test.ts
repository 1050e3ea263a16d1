import { execFile, spawnSync } from 'node:child_process';
import { globSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { makeFastFolder } from '../runs/fast-folder.ts';

/*
 * Runs the tutorials as written, each in an empty folder: saves the files that a page describes, and runs its blocks of
 * shell commands with fewer steps.
 */

const folder = makeFastFolder('tutorials');
afterAll(() => rmSync(folder, { recursive: true }));

const pages = globSync('docs/tutorials/*.md');
const needsPython = new Set(['docs/tutorials/from-verl-or-trl.md']);
const hasPython = spawnSync('python3', ['--version']).status === 0;

/** Arguments that reduce a command to seconds. */
const fewer: Readonly<Record<string, readonly string[]>> = {
  demo: ['--set', 'stages[0].maxSteps=2', '--set', 'evaluation[0].problems[0].perCell=1'],
  train: ['--set', 'stages[0].maxSteps=2'],
  sft: ['--max-steps', '3'],
};

/** Text in saved files and commands, and its replacement by smaller data. */
const smaller: readonly (readonly [string, string])[] = [
  ['slice(0, 2000)', 'slice(0, 200)'],
  ['slice(2000, 3000)', 'slice(2000, 2100)'],
  ['slice(3000, 3200)', 'slice(3000, 3010)'],
  ['recipes/demo/recipe.ts', 'recipes/demo/recipe.ts --set evaluation[0].problems[0].perCell=1'],
];
const shrink = (text: string): string =>
  smaller.reduce((shorter, [long, short]) => shorter.replaceAll(long, short), text);

type Part = { readonly file: string; readonly content: string } | { readonly command: string };

/** Returns the files and commands of a page, in page order. */
function partsOf(page: string): Part[] {
  const block =
    /(?:[Ss]ave\s+this\s+as\s+`(?<file>[^`]+)`:\n\n)?^```(?<language>\w*)\n(?<content>[^]*?)^```$/gm;
  return [...shrink(readFileSync(page, 'utf8')).matchAll(block)].flatMap(({ groups }): Part[] => {
    const { file, language, content } = groups as Record<string, string>;
    if (file !== undefined) return [{ file, content: content! }];
    return language === 'sh'
      ? content!
          .trim()
          .split('\n')
          .map((command) => ({ command }))
      : [];
  });
}

/** Splits a command at spaces outside quotes. */
const wordsOf = (command: string): string[] =>
  [...command.matchAll(/"([^"]*)"|'([^']*)'|(\S+)/g)].map(
    ([, double, single, plain]) => double ?? single ?? plain!,
  );

function run(command: string, cwd: string): Promise<string> {
  const [program, ...words] = wordsOf(command);
  const isGradus = program === 'npx' && words.shift() === 'gradus';
  const args = isGradus ? [resolve('bin/gradus.mjs'), ...words, ...(fewer[words[0]!] ?? [])] : words;
  return new Promise((done, fail) => {
    execFile(process.execPath, args, { cwd }, (error, stdout, stderr) =>
      error === null ? done(stdout) : fail(new Error(`${command}\n${stdout}\n${stderr}`)),
    );
  });
}

test.for(pages)('%s works from an empty folder', { timeout: 480_000 }, async (page, { skip }) => {
  if (needsPython.has(page) && !hasPython) skip('needs python3');
  const cwd = join(folder, page.replaceAll('/', '-'));
  mkdirSync(join(cwd, 'node_modules'), { recursive: true });
  symlinkSync(resolve('.'), join(cwd, 'node_modules/gradus'));
  const parts = partsOf(page);
  expect(parts.length).toBeGreaterThan(4);
  for (const part of parts)
    if ('file' in part) writeFileSync(join(cwd, part.file), part.content);
    else await run(part.command, cwd);
});
