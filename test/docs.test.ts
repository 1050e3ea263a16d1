import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';

const pages = [
  'README.md',
  'ARCHITECTURE.md',
  'CONTRIBUTING.md',
  ...globSync('docs/**/*.md'),
  ...globSync('recipes/*/README.md'),
];

/** Returns the links outside the code blocks of a page. */
const linksOf = (page: string): string[] =>
  [
    ...readFileSync(page, 'utf8')
      .replaceAll(/^```[^]*?^```/gm, '')
      .matchAll(/\]\(([^)\s]+)\)/g),
  ].map(([, to]) => to!);

/** Returns the ids that GitHub makes for the headings of a page. */
const headingsOf = (page: string): string[] =>
  [
    ...readFileSync(page, 'utf8')
      .replaceAll(/^```[^]*?^```/gm, '')
      .matchAll(/^#+ (.+)$/gm),
  ].map(([, heading]) =>
    heading!
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
      .replaceAll(' ', '-'),
  );

test.each(pages)('%s links to files and headings that exist', (page) => {
  const broken = linksOf(page)
    .filter((to) => !/^[a-z]+:/.test(to))
    .filter((to) => {
      const [path = '', heading] = to.split('#');
      const file = path === '' ? page : join(dirname(page), path);
      return !existsSync(file) || (heading !== undefined && !headingsOf(file).includes(heading));
    });
  expect(broken).toEqual([]);
});

const guides = globSync(['docs/*.md', 'docs/algorithms/*.md', 'docs/tutorials/*.md']).filter(
  (page) => page !== 'docs/LOG.md',
);

test.each(guides)('%s begins with its purpose and ends with where to go next', (page) => {
  const paragraphs = readFileSync(page, 'utf8').trim().split('\n\n');
  expect(paragraphs[0]).toMatch(/^# .+$/);
  expect(paragraphs[1]).toMatch(/^[A-Z`][^|]+[.:]?$/);
  expect(paragraphs.slice(-2).join('\n')).toMatch(/^(?:Next:|## Where to go next)/m);
});

test('the index lists every page', () => {
  const listed = new Set(linksOf('docs/README.md').map((to) => join('docs', to.split('#')[0]!)));
  const missing = [...guides, 'docs/LOG.md'].filter((page) => page !== 'docs/README.md' && !listed.has(page));
  expect(missing.filter((page) => !/^docs\/algorithms\/(?!README)/.test(page))).toEqual([]);
});
