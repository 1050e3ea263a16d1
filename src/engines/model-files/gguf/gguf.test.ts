import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { DataError } from '../../../core/errors.ts';
import { openModelFolder } from '../model-folder.ts';
import { blockFormats, dequantize } from './dequantize.ts';
import { openGguf } from './gguf-file.ts';
import { importGguf } from './import-gguf.ts';

let scratch: string;
beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'gguf-'));
});
afterAll(() => rm(scratch, { recursive: true }));

/** Fixtures written by scripts/make-gguf-fixture.py. */
const golden = 'test/golden/gguf';
const blocks = Object.entries(
  JSON.parse(readFileSync(`${golden}/blocks.json`, 'utf8')) as Record<
    string,
    { readonly type: number; readonly bytes: string; readonly values: readonly number[] }
  >,
);
const expected = JSON.parse(readFileSync(`${golden}/expected.json`, 'utf8')) as Record<
  string,
  { readonly texts: readonly { readonly text: string; readonly ids: readonly number[] }[] }
>;
const names = Object.keys(expected);
let imports = 0;
const imported = async (source: string): Promise<string> =>
  (await importGguf(source, join(scratch, `model-${imports++}`), 'f32')).folder;

describe('dequantize', () => {
  test.each(blocks)("decodes %s to the values of llama.cpp's package, bit for bit", (name, block) => {
    expect(blockFormats.get(block.type)!.name).toBe(name);
    const found = dequantize(block.type, Buffer.from(block.bytes, 'hex'), block.values.length);
    expect(found).toEqual(Float32Array.from(block.values));
  });

  test('covers every supported element type', () => {
    expect(blocks.map(([, { type }]) => type).toSorted((a, b) => a - b)).toEqual([...blockFormats.keys()]);
  });
});

test.each(names)('%s: imports a folder whose tokenizer splits text as transformers does', async (name) => {
  const { tokenizer } = await openModelFolder(await imported(`${golden}/${name}.gguf`));
  for (const { text, ids } of expected[name]!.texts) {
    expect([...tokenizer.encodeText(text)]).toEqual(ids);
    expect(tokenizer.decode(tokenizer.encodeText('the hat is'))).toBe('the hat is');
  }
});

test('keeps the chat template, the end token and the beginning-of-text token', async () => {
  const llama = await openModelFolder(await imported(`${golden}/llama.gguf`));
  const prompt = llama.tokenizer.encodePrompt([{ role: 'user', content: 'hat' }]);
  expect([...prompt]).toEqual([1, ...llama.tokenizer.encodeText('hat'), 0]);
  expect(llama.tokenizer.endTokens).toEqual([0]);
  const spm = await openModelFolder(await imported(`${golden}/spm.gguf`));
  expect(spm.tokenizer.encodePrompt([{ role: 'user', content: 'hat' }])[0]).toBe(1);
});

test('rejects a non-empty target folder', async () => {
  await expect(importGguf(`${golden}/llama.gguf`, golden, 'f32')).rejects.toThrow(
    /expected an empty or missing/,
  );
});

test('rejects unsupported formats, architectures and versions with an error that names them', async () => {
  const whole = await readFile(`${golden}/llama.gguf`);
  const path = join(scratch, 'damaged.gguf');
  const damaged = async (change: (bytes: Buffer) => Buffer): Promise<void> => {
    await writeFile(path, change(Buffer.from(whole)));
    await using file = await openGguf(path);
    await importGguf(file.path, join(scratch, `refused-${imports++}`), 'f32');
  };
  await expect(damaged(() => Buffer.from('version https://git-lfs'))).rejects.toThrow(/begins with "GGUF"/);
  await expect(damaged((bytes) => (bytes.writeUInt32LE(7, 4), bytes))).rejects.toThrow(
    /version 2 or 3.*got 7/,
  );
  await expect(damaged((bytes) => bytes.subarray(0, bytes.length - 1))).rejects.toThrow(/truncated/);
  const other = Buffer.from(whole.toString('latin1').replace('llama', 'mamba'), 'latin1');
  await expect(damaged(() => other)).rejects.toThrow(/architecture llama, qwen2, qwen3, got mamba/);
});

test('a damaged header causes a DataError or no error at all, never any other exception', async () => {
  const whole = await readFile(`${golden}/llama.gguf`);
  await fc.assert(
    fc.asyncProperty(fc.nat(6000), fc.nat(255), fc.option(fc.nat(8000)), async (at, byte, cut) => {
      const bytes = Buffer.from(whole.subarray(0, cut ?? whole.length));
      if (at < bytes.length) bytes[at] = byte;
      const path = join(scratch, 'fuzzed.gguf');
      const folder = join(scratch, 'fuzzed');
      await writeFile(path, bytes);
      await rm(folder, { recursive: true, force: true });
      const isRefused = (error: unknown): boolean => error instanceof DataError;
      expect(await importGguf(path, folder, 'f32').then(() => true, isRefused)).toBe(true);
    }),
    { numRuns: 60 },
  );
  expect(await readdir(scratch)).not.toContain('.tmp-fuzzed');
});
