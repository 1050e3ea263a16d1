import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, test, vi } from 'vitest';
import { imagesOf } from '../../src/core/image.ts';
import { compareRuns } from '../../src/evaluation/compare-runs.ts';
import { runProgress } from '../../src/evaluation/run-progress.ts';
import { compareSeeds } from '../../src/evaluation/seeds/compare-seeds.ts';
import { file, fileConfig } from '../../src/problems/file-source.ts';
import { allOf } from '../../src/problems/output/images-column.ts';
import { readFileProblems } from '../../src/problems/read-file-source.ts';
import { createRun } from '../../src/runs/writing/create-run.ts';
import { startDashboard } from '../../src/services/dashboard/dashboard.ts';
import type { GroupDetail } from '../../src/services/dashboard/views/rollouts/group-detail.ts';
import { singleTurn } from '../../src/testing/single-turn.ts';
import { chatAnswer, serveModel } from '../model-server/fake-model-server.ts';
import { png } from '../png.ts';
import { jsonLines, makeWorkplace, openCommands, tinyRecipe, writeRows } from './gradus.ts';

// Runs about ten commands, which take seconds, or minutes on a busy machine.
vi.setConfig({ testTimeout: 600_000 });

const folder = makeWorkplace('images');
const commands = openCommands(folder);
afterAll(() => {
  commands[Symbol.dispose]();
  rmSync(folder, { recursive: true });
});
const path = (...names: string[]): string => join(folder, ...names);
const sha = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');
const json = async (...args: string[]): Promise<Record<string, unknown>> => {
  const ended = await commands.run(...args, '--json');
  expect(ended).toMatchObject({ code: 0, stderr: '' });
  return jsonLines(ended).at(-1)!;
};

/** Maps the bytes of an image to the stub's answers: always right, right in half of the attempts, never right. */
const pictures = [
  { bytes: png({ color: [255, 0, 0] }), answers: ['1'] },
  { bytes: png({ color: [0, 255, 0] }), answers: ['2', '0'] },
  { bytes: png({ color: [0, 0, 255] }), answers: ['0'] },
];

test('imports images as files; the same text with a different image is a different problem', async () => {
  mkdirSync(path('raw'));
  writeRows(
    path('raw', 'rows.jsonl'),
    pictures.map(({ bytes }, i) => ({
      images: [{ bytes: bytes.toString('base64'), path: null }],
      problem: '<image>How many dots?',
      answer: String(i + 1),
    })),
  );
  await json('data', 'import', 'raw/rows.jsonl', '--out', 'problems.jsonl');
  rmSync(path('raw'), { recursive: true });
  const imported = jsonLines({ code: 0, stderr: '', stdout: readFileSync(path('problems.jsonl'), 'utf8') });
  expect(new Set(imported.map(({ id }) => id)).size).toBe(3);
  expect(JSON.stringify(imported)).not.toContain(pictures[0]!.bytes.toString('base64').slice(0, 40));
  expect(await json('data', 'dedup', 'problems.jsonl', '--out', 'distinct.jsonl')).toMatchObject({ kept: 3 });
});

test('measures and levels problems by the bytes that a server receives', async () => {
  const asked = new Map<string, number>();
  const baseUrl = await serveModel((body, response) => {
    const [message] = body.messages as unknown as {
      content: string | { type: string; text?: string; image_url?: { url: string } }[];
    }[];
    const parts = typeof message!.content === 'string' ? [] : message!.content;
    const [, base64 = ''] = /^data:image\/png;base64,(.+)$/.exec(parts[0]?.image_url?.url ?? '') ?? [];
    const hash = sha(Buffer.from(base64, 'base64'));
    const picture = pictures.find(({ bytes }) => sha(bytes) === hash);
    const isRight =
      parts.map(({ type }) => type).join() === 'image_url,text' && parts[1]!.text === 'How many dots?';
    if (picture === undefined || !isRight) {
      // Requests that probe the server have no image.
      response.end(chatAnswer(['none']));
      return;
    }
    const count = asked.get(hash) ?? 0;
    asked.set(hash, count + 1);
    response.end(chatAnswer([`\\boxed{${picture.answers[count % picture.answers.length]}}`]));
  });
  const engine = { type: 'openai', baseUrl, api: 'chat' };
  writeFileSync(
    path('recipe.json'),
    JSON.stringify(
      tinyRecipe({
        policy: { model: 'stub', engine },
        problems: [{ type: 'jsonl', path: 'distinct.jsonl' }],
        difficulty: { type: 'pass-rate', rollouts: 8, maxTokens: 6 },
        evaluation: [],
      }),
    ),
  );
  await json('difficulty', 'estimate', 'recipe.json', '--store', 'd.sqlite');
  expect(asked.size).toBe(3);
  const level = ['--recipe', 'recipe.json'];
  await json('difficulty', 'export', 'd.sqlite', ...level, '--to', 'jsonl', '--out', 'levelled.jsonl');
  const levelled = jsonLines({ code: 0, stderr: '', stdout: readFileSync(path('levelled.jsonl'), 'utf8') });
  expect(levelled.map((row) => row['pass_rate'])).toEqual([1, 0.5, 0]);
  expect(new Set(levelled.map((row) => String(row['levels']))).size).toBe(3);
});

test('exports images to verl, EasyR1 and LLaMA-Factory', async () => {
  for (const [format, name] of [
    ['verl', 'verl.parquet'],
    ['easyr1', 'easyr1.parquet'],
  ] as const) {
    await json('data', 'export', 'distinct.jsonl', '--format', format, '--out', name);
    const back = await allOf(readFileProblems(fileConfig.parse(file(name)), folder));
    expect(back.map(({ prompt }) => imagesOf(prompt).map(({ sha256 }) => sha256))).toEqual(
      pictures.map(({ bytes }) => [sha(bytes)]),
    );
    expect(back.map(({ prompt, answer }) => [prompt[0]!.content, answer])).toEqual(
      pictures.map((_, i) => ['<image>How many dots?', String(i + 1)]),
    );
  }
  await json('data', 'export', 'distinct.jsonl', '--format', 'llama-factory', '--out', 'sft.jsonl');
  const [first] = jsonLines({ code: 0, stderr: '', stdout: readFileSync(path('sft.jsonl'), 'utf8') });
  expect(first).toMatchObject({
    messages: [
      { role: 'user', content: '<image>How many dots?' },
      { role: 'assistant', content: '1' },
    ],
    images: [`images/${sha(pictures[0]!.bytes)}.png`],
  });
});

test('a local engine rejects images and names the engine that takes them', async () => {
  writeFileSync(
    path('local.json'),
    JSON.stringify(tinyRecipe({ problems: [{ type: 'jsonl', path: 'distinct.jsonl' }], evaluation: [] })),
  );
  const ended = await commands.run('difficulty', 'estimate', 'local.json', '--store', 'l.sqlite');
  expect(ended.code).not.toBe(0);
  expect(ended.stderr).toMatch(/"embedded" and "torch" read text only; measure with the engine "openai"/);
});

test('the dashboard sends the recorded image with its type, and no other file', async () => {
  const [problem] = await allOf(readFileProblems(fileConfig.parse(file('distinct.jsonl')), folder));
  const [image] = imagesOf(problem!.prompt);
  writeFileSync(path('secret.png'), png({ color: [9, 9, 9] }));
  const stray = { ...image!, path: path('secret.png') };
  const root = path('runs');
  const record = async (shown: typeof image, step: number) => {
    const prompt = [{ ...problem!.prompt[0]!, images: [shown!] }];
    return {
      step,
      stage: 'all',
      metrics: {},
      groups: [
        {
          group: {
            problem: { ...problem!, id: `p${step}`, prompt },
            rollouts: [
              {
                problemId: `p${step}`,
                index: 0,
                transcripts: [singleTurn({ text: '\\boxed{1}' }, prompt)],
                verdict: {
                  outcome: 'correct' as const,
                  score: 1,
                  reason: '',
                  verifier: 'math@1',
                  evidence: {},
                },
              },
            ],
          },
          rewards: [1],
        },
      ],
    };
  };
  await using run = await createRun(root, { name: 'seen', recipe: tinyRecipe(), seed: 0 });
  await run.recordStep(await record(image, 1));
  await run.recordStep(await record(stray, 2));
  mkdirSync(path('pages'));
  await using dashboard = await startDashboard({
    root,
    pages: path('pages'),
    host: '127.0.0.1',
    port: 0,
    compareSuites: compareRuns,
    compareSeeds,
    compareProgress: runProgress,
  });
  const api = `${dashboard.url}api/runs/seen-0001/groups`;
  const detail = (await (await fetch(`${api}/1`)).json()) as GroupDetail;
  expect(imagesOf(detail.prompt)).toEqual([image]);
  expect(detail.attempts[0]!.turns).toBe(null);

  const response = await fetch(`${api}/1/images/${image!.sha256}`);
  expect(response.status).toBe(200);
  expect(Object.fromEntries(response.headers)).toMatchObject({
    'content-type': 'image/png',
    'x-content-type-options': 'nosniff',
    'content-security-policy': expect.stringContaining("default-src 'none'"),
  });
  expect(Buffer.from(await response.arrayBuffer()).equals(pictures[0]!.bytes)).toBe(true);
  // Record another file of this machine, and request a hash that the prompt does not contain.
  expect((await fetch(`${api}/2/images/${image!.sha256}`)).status).toBe(404);
  expect((await fetch(`${api}/1/images/${'0'.repeat(64)}`)).status).toBe(404);
});
