import { expect, test } from 'vitest';
import { processTransport } from './process-transport.ts';

/** Runs a program as a worker until it ends; returns its messages and the reason why it ended. */
async function hearing(program: string): Promise<{ words: string[]; end: string }> {
  const words: string[] = [];
  const end = await new Promise<string>((resolve) => {
    const command = [process.execPath, '-e', program];
    processTransport({ command, pipes: 'descriptors' })({
      onFrame: () => {},
      onEnd: ({ message }) => resolve(message),
      onWords: (line) => words.push(line),
    });
  });
  return { words, end };
}

test("passes on only the worker's own messages, line by line", async () => {
  const { words, end } = await hearing(`
    const write = (bytes) => require('fs').writeSync(2, bytes);
    write('a library warns\\ngradus_worker: 8192 tok');
    write('ens did not fit\\nnot gradus_worker: this\\n');
    const split = Buffer.from('gradus_worker: no CUDA graphs …\\n');
    for (const byte of split) write(Buffer.of(byte));
    write('gradus_worker: without an end');
  `);
  expect(words).toEqual(['8192 tokens did not fit', 'no CUDA graphs …']);
  expect(end).toContain('a library warns');
  expect(end).toContain('gradus_worker: without an end');
});
