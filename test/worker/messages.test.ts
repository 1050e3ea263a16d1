import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { replySchema, requestSchema } from '../../src/protocol/messages.ts';
import { goldenFrames } from '../golden/protocol-frames.ts';

/* The worker validates messages by the JSON Schema generated from these schemas, and must be equally strict. */

const python = resolve('worker/.venv/bin/python');
const count = 2000;

type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

const interesting: fc.Arbitrary<Json> = fc.oneof(
  fc.constantFrom<Json[]>(
    null,
    true,
    0,
    1,
    -1,
    0.5,
    1.5,
    2 ** 53,
    1e21,
    1e300,
    '',
    'x',
    'null',
    [],
    {},
    [[]],
    {
      type: 'reinforce',
    },
  ),
  fc.jsonValue() as fc.Arbitrary<Json>,
);

/** A change to one value in a message. */
interface Change {
  readonly path: readonly number[];
  readonly how: 'remove' | 'replace' | 'add';
  readonly value: Json;
}

const change: fc.Arbitrary<Change> = fc.record({
  path: fc.array(fc.nat({ max: 20 }), { minLength: 1, maxLength: 5 }),
  how: fc.constantFrom('remove' as const, 'replace', 'add'),
  value: interesting,
});

function changed(message: Json, { path, how, value }: Change): Json {
  const [step = 0, ...rest] = path;
  if (message === null || typeof message !== 'object') return value;
  const keys = Object.keys(message);
  const key = keys[step % Math.max(1, keys.length)];
  if (how === 'add' && rest.length === 0)
    return Array.isArray(message) ? [...message, value] : { ...message, surprise: value };
  if (key === undefined) return value;
  const entries = Object.entries(message).flatMap(([name, inner]): [string, Json][] => {
    if (name !== key) return [[name, inner]];
    if (rest.length > 0) return [[name, changed(inner, { path: rest, how, value })]];
    return how === 'remove' ? [] : [[name, value]];
  });
  return Array.isArray(message) ? entries.map(([, inner]) => inner) : Object.fromEntries(entries);
}

test.skipIf(!existsSync(python))(
  'both languages accept and reject the same messages (skipped without worker/.venv)',
  { timeout: 120_000 },
  () => {
    const golden = Object.values(goldenFrames()).map(
      ({ header }) => JSON.parse(JSON.stringify(header)) as Json,
    );
    const messages = fc.sample(
      fc.tuple(fc.constantFrom(...golden), fc.array(change, { maxLength: 2 })).map(([message, changes]) => {
        return changes.reduce<Json>(changed, message);
      }),
      count,
    );
    const lines = messages.map((message) => `${JSON.stringify(message)}\n`).join('');
    const script = ['worker/tests/validate_messages.py'];
    const env = { ...process.env, PYTHONPATH: resolve('worker') };
    const verdicts = execFileSync(python, script, { input: lines, env, maxBuffer: 2 ** 26 })
      .toString()
      .trim()
      .split('\n');
    const expected = messages.map((message) => {
      if (requestSchema.safeParse(message).success) return 'request';
      return replySchema.safeParse(message).success ? 'reply' : 'neither';
    });
    const differing = messages.filter((_, i) => verdicts[i] !== expected[i]);
    expect(differing.map((message) => JSON.stringify(message))).toEqual([]);
    for (const kind of ['request', 'reply', 'neither']) {
      expect(expected.filter((one) => one === kind).length).toBeGreaterThan(count / 20);
    }
  },
);
