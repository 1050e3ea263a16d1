/** Generates the JSON Schema of the protocol and the golden frames from the schemas in src/protocol. */
import { mkdir, writeFile } from 'node:fs/promises';
import { goldenFrames, protocolJsonSchema } from '../test/golden/protocol-frames.ts';
import { encodeFrame } from '../src/protocol/frame.ts';

await writeFile(
  'worker/gradus_worker/protocol/protocol.schema.json',
  `${JSON.stringify(protocolJsonSchema(), null, 2)}\n`,
);
await mkdir('test/golden/protocol', { recursive: true });
const index: Record<string, unknown> = {};
for (const [name, { header, tensors, payload }] of Object.entries(goldenFrames())) {
  await writeFile(`test/golden/protocol/${name}.bin`, encodeFrame({ header, payload }));
  index[name] = { header, values: Object.fromEntries(Object.entries(tensors).map(([k, v]) => [k, [...v]])) };
}
await writeFile('test/golden/protocol/frames.json', `${JSON.stringify(index, null, 1)}\n`);
