import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openEmbeddedEngine } from '../../src/engines/embedded/engine.ts';
import { importGguf } from '../../src/engines/model-files/gguf/import-gguf.ts';

/** Written by scripts/make-gguf-fixture.py with transformers, which reads the same files. */
const golden = 'test/golden/gguf';
interface Expected {
  readonly tokens: readonly number[];
  readonly logprobs: readonly number[];
}

test.each(['llama', 'qwen2', 'qwen3', 'spm'])(
  '%s.gguf: scores like transformers after an import',
  async (name) => {
    const all = JSON.parse(await readFile(`${golden}/expected.json`, 'utf8')) as Record<string, Expected>;
    const { tokens, logprobs } = all[name]!;
    const scratch = await mkdtemp(join(tmpdir(), 'gguf-'));
    try {
      const { folder } = await importGguf(`${golden}/${name}.gguf`, join(scratch, name), 'f32');
      await using engine = await openEmbeddedEngine({ model: folder, lanes: 1 });
      const batch = { sequences: [{ tokens: Int32Array.from(tokens) }] };
      const [found] = await engine.weights.logprobs(batch, 'policy');
      const gaps = logprobs.map((logprob, at) => Math.abs(logprob - found![at + 1]!));
      expect(Math.max(...gaps)).toBeLessThan(1e-4);
    } finally {
      await rm(scratch, { recursive: true });
    }
  },
);
