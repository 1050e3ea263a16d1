import { globSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';

const pages = globSync('docs/algorithms/*.md').map((path) => ({ path, text: readFileSync(path, 'utf8') }));

/** Every `[`name`](file.ts)` on a page. */
const functionLink = /\[`(\w+)`\]\(([^)\s]+\.ts)\)/g;
const functionsIn = (text: string): { name: string; file: string }[] =>
  Array.from(text.matchAll(functionLink), ([, name, file]) => ({ name: name!, file: file! }));

/** Returns the labels of equations, such as `(B3)`, at the beginning of lines in code blocks. */
const equationsIn = (text: string): string[] =>
  Array.from(text.matchAll(/^\(([A-Z]\d+)\)/gm), ([, label]) => label!);

test('every function that a page names is defined in the file that it names', () => {
  const named = pages.flatMap(({ path, text }) => functionsIn(text).map((one) => ({ path, ...one })));
  expect(named.length).toBeGreaterThan(60);
  const missing = named.filter(({ path, name, file }) => {
    const source = readFileSync(join(dirname(path), file), 'utf8');
    return !new RegExp(`^(export )?(function|const|class) ${name}\\b`, 'm').test(source);
  });
  expect(missing.map(({ path, name, file }) => `${path}: ${name} in ${file}`)).toEqual([]);
});

test('every block of equations is followed by the function that computes it', () => {
  const orphans = pages.flatMap(({ path, text }) => {
    const [, ...parts] = text.split(/^```\n(?=\()/m);
    return parts.flatMap((part) => {
      const [block, after] = part.split(/^```$/m) as [string, string];
      const untilNextTopic = after.split(/^#/m)[0]!;
      return functionsIn(untilNextTopic).length > 0 ? [] : [`${path}: (${equationsIn(block)[0]})`];
    });
  });
  expect(orphans).toEqual([]);
});

test('equations are numbered from 1 without gaps, and the index lists each range', () => {
  const index = pages.find(({ path }) => path.endsWith('README.md'))!.text;
  const ranges = Array.from(
    index.matchAll(/\((\S+\.md)\) \| ([A-Z])1–[A-Z](\d+)/g),
    ([, file, letter, last]) => ({
      file: file!,
      labels: Array.from({ length: Number(last) }, (_, i) => `${letter}${i + 1}`),
    }),
  );
  expect(ranges).toHaveLength(pages.length - 1);
  const numbered = ranges.map(({ file }) => {
    const page = pages.find(({ path }) => path.endsWith(file))!;
    return { file, labels: equationsIn(page.text) };
  });
  expect(numbered).toEqual(ranges);
});

test('links to pages and sources point to files that exist', () => {
  const links = pages
    .flatMap(({ path, text }) =>
      Array.from(text.matchAll(/\]\(([^)#\s]+)\)/g), ([, target]) => join(dirname(path), target!)),
    )
    .filter((target) => !target.includes('http'));
  expect(links.filter((target) => globSync(target).length === 0)).toEqual([]);
});
