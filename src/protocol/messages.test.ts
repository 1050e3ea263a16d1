import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { goldenFrames, protocolJsonSchema } from '../../test/golden/protocol-frames.ts';
import { createFrameReader, encodeFrame } from './frame.ts';
import { protocolVersion, replySchema, requestSchema, resultSchemas } from './messages.ts';
import { unpackTensors } from './tensors.ts';

const golden = Object.entries(goldenFrames());

test.each(golden)(
  '%s matches its committed bytes and decodes to the same message',
  async (name, { header, tensors, payload }) => {
    const bytes = await readFile(`test/golden/protocol/${name}.bin`);
    expect(Buffer.compare(encodeFrame({ header, payload }), bytes)).toBe(0);
    const [frame] = createFrameReader().push(bytes);
    const parsed =
      name === 'part' || name === 'error' || name.endsWith('-result') ? replySchema : requestSchema;
    const read = parsed.parse(frame!.header);
    expect(read).toEqual(header);
    expect(unpackTensors(read.tensors, frame!.payload)).toEqual(tensors);
  },
);

const results = golden.flatMap(([, { header }]) => (header.type === 'result' ? [header] : []));
test.each(results)('the result of $request matches its schema', ({ request, result }) => {
  expect(resultSchemas[request].parse(result)).toEqual(result);
});

test('every type of message has a golden frame', () => {
  const types = new Set<string>(golden.map(([, { header }]) => header.type));
  const all = [...requestSchema.options, ...replySchema.options].map(({ shape }) => shape.type.value);
  expect([...types].toSorted()).toEqual([...all].toSorted());
});

test('the committed JSON Schema is up to date (else: node scripts/write-protocol.ts)', async () => {
  const committed: unknown = JSON.parse(
    await readFile('worker/gradus_worker/protocol/protocol.schema.json', 'utf8'),
  );
  expect(JSON.parse(JSON.stringify(protocolJsonSchema()))).toEqual(committed);
});

test('docs/protocol.md gives this version and names every request', async () => {
  const text = await readFile('docs/protocol.md', 'utf8');
  expect(text).toContain(`The worker protocol, version ${protocolVersion}`);
  for (const { shape } of requestSchema.options) expect(text).toContain(shape.type.value);
});

test('unknown and missing fields are rejected', () => {
  const ping = { id: 1, type: 'ping', tensors: [] };
  expect(requestSchema.safeParse(ping).success).toBe(true);
  for (const wrong of [
    { ...ping, x: 1 },
    { ...ping, id: 0 },
    { id: 1, type: 'ping' },
    { ...ping, type: 'pong' },
  ])
    expect(requestSchema.safeParse(wrong).success).toBe(false);
});
