import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { parquetWriteFile } from 'hyparquet-writer';
import { afterAll, expect, test } from 'vitest';
import { hugePng, png } from '../../../test/png.ts';
import { imagesOf, partsOf } from '../../core/image.ts';
import type { Problem } from '../../core/problem.ts';
import { readImageHeader } from '../../storage/images/image-header.ts';
import { file, fileConfig } from '../file-source.ts';
import { decontaminate } from '../hygiene/decontaminate.ts';
import { dedup } from '../hygiene/dedup.ts';
import { FindingLog } from '../hygiene/report.ts';
import { findUnverifiable } from '../hygiene/unverifiable.ts';
import { allOf } from '../output/images-column.ts';
import { problemLine } from '../output/problem-line.ts';
import { readFileProblems } from '../read-file-source.ts';
import { placeImages } from './place-images.ts';

const folder = mkdtempSync(join(tmpdir(), 'gradus-images-'));
afterAll(() => {
  rmSync(folder, { recursive: true });
});
const [red, blue] = [png(), png({ color: [0, 0, 255] })];
writeFileSync(join(folder, 'red.png'), red);
writeFileSync(join(folder, 'blue.png'), blue);
const sha = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

async function readFile(name: string, from = folder): Promise<Problem[]> {
  const problems: Problem[] = [];
  for await (const one of readFileProblems(fileConfig.parse(file(name)), from)) problems.push(one);
  return problems;
}

async function read(...rows: unknown[]): Promise<Problem[]> {
  writeFileSync(join(folder, 'rows.jsonl'), rows.map((row) => JSON.stringify(row)).join('\n'));
  return readFile('rows.jsonl');
}

const dataUri = (bytes: Buffer): string => `data:image/png;base64,${bytes.toString('base64')}`;
const shas = (problem: Problem | undefined): string[] =>
  imagesOf(problem!.prompt).map(({ sha256 }) => sha256);
const user = (content: string) => [{ role: 'user', content }];

test('reads rows of geometry3k from Parquet and stores their images in a folder beside the file', async () => {
  const data = [
    { name: 'images', data: [[{ bytes: red, path: null }], [{ bytes: blue, path: 'x.png' }]] },
    { name: 'problem', data: ['<image>Find x.', '<image>Find x.'] },
    { name: 'answer', data: ['3', '4'] },
  ];
  const text = (name: string) =>
    ({ name, type: 'BYTE_ARRAY', converted_type: 'UTF8', repetition_type: 'OPTIONAL' }) as const;
  mkdirSync(join(folder, 'geo'));
  parquetWriteFile({
    filename: join(folder, 'geo', 'train.parquet'),
    columnData: data,
    schema: [
      { name: 'schema', num_children: 3 },
      { name: 'images', repetition_type: 'OPTIONAL', converted_type: 'LIST', num_children: 1 },
      { name: 'list', repetition_type: 'REPEATED', num_children: 1 },
      { name: 'element', repetition_type: 'OPTIONAL', num_children: 2 },
      { name: 'bytes', type: 'BYTE_ARRAY', repetition_type: 'OPTIONAL' },
      text('path'),
      text('problem'),
      text('answer'),
    ],
  });
  const problems = await readFile('train.parquet', join(folder, 'geo'));
  expect(problems.map(shas)).toEqual([[sha(red)], [sha(blue)]]);
  expect(imagesOf(problems[0]!.prompt)[0]).toMatchObject({
    mediaType: 'image/png',
    width: 4,
    height: 3,
    bytes: red.length,
  });
  expect(readFileSync(imagesOf(problems[1]!.prompt)[0]!.path).equals(blue)).toBe(true);
  expect(readdirSync(join(folder, 'geo', 'images'))).toHaveLength(2);
  // The same text with a different image is a different problem, and no record contains image bytes.
  expect(problems[0]!.id).not.toBe(problems[1]!.id);
  expect(problems.map(({ extra }) => extra)).toEqual([undefined, undefined]);
  expect(problems.map((one) => findUnverifiable(one))).toEqual([undefined, undefined]);
});

const verl = (rest: object) => ({
  data_source: 'geo3k',
  prompt: user('<image>Find x.'),
  ability: 'math',
  reward_model: { style: 'rule', ground_truth: '3' },
  extra_info: { index: 0 },
  ...rest,
});

test.each<[string, object]>([
  ['verl with images', verl({ images: [{ bytes: red.toString('base64'), path: null }] })],
  ['verl with multi_modal_data', verl({ multi_modal_data: { image: ['red.png'] } })],
  ['a path', { problem: '<image>Find x.', answer: '3', images: ['red.png'] }],
  ['a data URI', { problem: '<image>Find x.', answer: '3', images: [dataUri(red)] }],
  ['one image in the column "image"', { problem: 'Find x.', answer: '3', image: { path: 'red.png' } }],
  ['images without marks', { prompt: user('Find x.'), answer: '3', images: ['red.png'] }],
  [
    'parts of OpenAI',
    {
      prompt: [
        {
          role: 'user',
          content: [
            { type: 'image_url', image_url: { url: dataUri(red) } },
            { type: 'text', text: 'Find x.' },
          ],
        },
      ],
      answer: '3',
    },
  ],
])('reads %s', async (_, row) => {
  const [problem] = await read(row);
  expect(shas(problem)).toEqual([sha(red)]);
  expect(partsOf(problem!.prompt.at(-1)!)).toMatchObject([
    { type: 'image' },
    expect.stringMatching(/^\n?Find x\.$/),
  ]);
});

test('assigns images to placeholders in order, across all messages', async () => {
  const prompt = [
    ...user('<image> and <image>'),
    { role: 'assistant', content: 'so' },
    ...user('and <image>?'),
  ];
  const [problem] = await read({ prompt, answer: '1', images: ['red.png', 'blue.png', 'red.png'] });
  expect(problem!.prompt.map(({ images = [] }) => images.length)).toEqual([2, 0, 1]);
  expect(shas(problem)).toEqual([sha(red), sha(blue), sha(red)]);
});

test('without an image column, placeholders stay text, and a name in a column "image" is kept', async () => {
  const [plain, container] = await read(
    { problem: '<image>Find x.', answer: '3' },
    { problem: 'Find x.', answer: '3', image: 'python:3.12' },
  );
  expect(plain!.prompt).toEqual(user('<image>Find x.'));
  expect(container).toMatchObject({ prompt: user('Find x.'), extra: { image: 'python:3.12' } });
});

const svg = '<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>';
writeFileSync(join(folder, 'evil.png'), svg);
writeFileSync(join(folder, 'cut.png'), red.subarray(0, red.length - 6));
writeFileSync(join(folder, 'huge.png'), hugePng(20_000, 20_000));
const asked = (...images: unknown[]) => ({ problem: '<image>Find x.', answer: '3', images });

test.each<[string, object, RegExp]>([
  ['more images than marks', asked('red.png', 'blue.png'), /rows\.jsonl:1: .*got 1 marks and 2 images/],
  ['no image for a mark', asked(), /rows\.jsonl:1: .*got 1 marks and 0 images/],
  ['a missing file', asked('none.png'), /rows\.jsonl:1: image 1: .*none\.png: expected a file, got none/],
  [
    '20,000 × 20,000 pixels',
    asked('huge.png'),
    /image 1: expected an image of at most 50 million pixels, got 20000 × 20000/,
  ],
  ['a truncated PNG', asked('cut.png'), /image 1: expected a complete PNG, got a truncated/],
  [
    'SVG with a script, named .png',
    asked('evil.png'),
    /image 1: expected a PNG, JPEG, WebP or GIF, got SVG .* scripts; convert it to PNG/,
  ],
  ['SVG as a data URI', asked(`data:image/svg+xml,${encodeURIComponent(svg)}`), /image 1: .*got SVG/],
  ['an address', asked('https://example.com/x.png'), /download the image first/],
  ['a path outside the folder', asked('../../etc/x.png'), /expected a path inside the folder of the data/],
])('rejects %s with one error', async (_, row, message) => {
  await expect(read(row)).rejects.toThrow(message);
});

test('a missing image leaves its placeholder in the prompt, and the check for unverifiable problems reports it', async () => {
  const path = join(folder, 'missing.jsonl');
  writeFileSync(
    path,
    [asked('none.png'), asked('red.png')].map((row) => `${JSON.stringify(row)}\n`).join(''),
  );
  const config = fileConfig.parse(file('missing.jsonl'));
  const problems: Problem[] = [];
  for await (const problem of readFileProblems(config, folder, { onMissing: () => {} }))
    problems.push(problem);
  expect(problems.map((problem) => findUnverifiable(problem)?.reason)).toEqual([
    'missing picture',
    undefined,
  ]);
  expect(problems.map(({ prompt }) => imagesOf(prompt).length)).toEqual([0, 1]);
});

test('a file of problems can be moved together with its images; changed images cause an error', async () => {
  const [problem] = await read(asked('red.png'));
  const out = join(folder, 'moved');
  mkdirSync(out);
  writeFileSync(join(out, 'p.jsonl'), `${problemLine(placeImages(problem!, join(out, 'p.jsonl')))}\n`);
  const line = JSON.parse(readFileSync(join(out, 'p.jsonl'), 'utf8')) as Problem;
  expect(line.prompt[0]!.images![0]!.path).toBe(`images/${sha(red)}.png`);
  const [back] = await readFile('p.jsonl', out);
  expect({ ...back, source: '', prompt: 0 }).toEqual({ ...problem, source: '', prompt: 0 });
  expect(shas(back)).toEqual([sha(red)]);
  writeFileSync(join(out, 'images', `${sha(red)}.png`), blue);
  await expect(readFile('p.jsonl', out)).rejects.toThrow('the file has changed');
});

const stream = async function* (problems: readonly Problem[]): AsyncGenerator<Problem> {
  yield* problems;
};
const long =
  'In the triangle of the picture the base is 4 and the height is 7 while the angle at the top is marked x. Find x.';

test('dedup and decontamination compare text and images', async () => {
  const rows = ['red.png', 'blue.png', 'red.png'].map((image) => ({
    problem: `<image>${long}`,
    answer: '3',
    images: [image],
  }));
  const problems = await read(...rows);
  const ids = async (kept: AsyncIterable<Problem>): Promise<string[]> =>
    (await allOf(kept)).map(({ id }) => id);
  const [first, second] = problems.map(({ id }) => id);
  expect(await ids(dedup(() => stream(problems), new FindingLog(() => {})))).toEqual([first, second]);
  const sets = [{ name: 'exam', problems: [problems[1]!] }];
  const [, , third] = problems;
  expect(await ids(decontaminate(stream(problems), sets, new FindingLog(() => {})))).toEqual([
    first,
    third!.id,
  ]);
});

test('reads the size of JPEG, GIF and WebP', () => {
  const jpeg = Buffer.from('ffd8ffe000040000ffc0000b080007000501011100ffda0000ffd9', 'hex');
  const gif = Buffer.from('47494638396105000700800000000000ffffff2c00000000010001000002024401003b', 'hex');
  const webp = Buffer.concat([
    Buffer.from('RIFF'),
    Buffer.from([22, 0, 0, 0]),
    Buffer.from('WEBPVP8X'),
    Buffer.from([10, 0, 0, 0, 0, 0, 0, 0, 4, 0, 0, 6, 0, 0]),
  ]);
  expect([jpeg, gif, webp].map((bytes) => readImageHeader(bytes))).toEqual(
    ['image/jpeg', 'image/gif', 'image/webp'].map((mediaType) => ({ mediaType, width: 5, height: 7 })),
  );
});

test('a PNG that is truncated or has a changed byte is rejected with an error that names the expectation', () => {
  fc.assert(
    fc.property(fc.nat(red.length - 1), fc.integer({ min: 1, max: 255 }), (at, change) => {
      expect(() => readImageHeader(red.subarray(0, at))).toThrow(/^expected /);
      const changed = Buffer.from(red);
      changed[at]! ^= change;
      expect(() => readImageHeader(changed)).toThrow(/^expected /);
    }),
    { numRuns: 200 },
  );
});
