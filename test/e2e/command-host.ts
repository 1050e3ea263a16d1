/** Runs the commands that its parent sends, one at a time. See `openCommands`. */
import type { Ended } from './gradus.ts';

// Start like a real process, and discard the printed version.
process.argv = [process.execPath, 'gradus', '--version'];
const start: string = '../../bin/start.mjs'; // This module has no types.
await import(start);
const { main } = await import('../../src/cli/main.ts');

// The listeners of all commands accumulate; prevent Node's warning about them.
for (const stream of [process.stdout, process.stderr]) stream.setMaxListeners(0);

/** Collects the text that a command writes to a stream. */
function collect(stream: NodeJS.WriteStream): () => string {
  let said = '';
  stream.write = (text: string | Uint8Array, ...rest: unknown[]) => {
    said += typeof text === 'string' ? text : Buffer.from(text).toString();
    const callback = rest.find((one) => typeof one === 'function') as (() => void) | undefined;
    callback?.();
    return true;
  };
  return () => said;
}

process.on('message', (words: readonly string[]) => {
  const [stdout, stderr] = [collect(process.stdout), collect(process.stderr)];
  void main([process.execPath, 'gradus', ...words]).then((code) => {
    process.send!({ code, stdout: stdout(), stderr: stderr() } satisfies Ended);
  });
});
