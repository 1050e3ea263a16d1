/**
 * The scripted worker as a process with injected failures: `<request>:<failure>` fails at every such request,
 * and `<request>:<failure>:<file>` only once, in the first process that reaches it, which then creates the
 * file.
 */
import { createReadStream, existsSync, writeFileSync, writeSync } from 'node:fs';
import { createFrameReader, encodeFrame } from '../../src/protocol/frame.ts';
import type { Request } from '../../src/protocol/messages.ts';
import { packTensors } from '../../src/protocol/tensors.ts';
import { createScriptedWorker, type SendReply } from './scripted-worker.ts';

const [when, failure, onceFile] = (process.argv[2] ?? 'never:none').split(':');

const send: SendReply = (header, data = {}) => {
  const { tensors, payload } = packTensors(data);
  write(encodeFrame({ header: { ...header, tensors }, payload }));
  const isPart = 'type' in header && header.type === 'part';
  if (failure === 'midway' && isPart && isTime()) process.kill(process.pid, 'SIGKILL');
};

/** Writes in pieces of at most 11 bytes, so that readers cannot rely on whole frames. */
function write(bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length;) at += writeSync(4, bytes, at, Math.min(11, bytes.length - at));
}

function isTime(): boolean {
  if (onceFile === undefined) return true;
  if (existsSync(onceFile)) return false;
  writeFileSync(onceFile, '');
  return true;
}

function misbehave({ id, type }: Request): boolean {
  if (type === 'shutdown') {
    send({ id, type: 'result', request: type, result: {} });
    process.exit(0);
  }
  if (type !== when || failure === 'midway' || !isTime()) return false;
  if (failure === 'killed') {
    process.stderr.write('RuntimeError: the last words\n');
    process.kill(process.pid, 'SIGKILL');
  } else if (failure === 'exit') process.exit(3);
  else if (failure === 'garbage') write(Buffer.from('this is no frame at all'));
  else if (failure === 'truncated') {
    write(encodeFrame({ header: { id }, payload: new Uint8Array() }).subarray(0, 9));
    process.exit(0);
  } else if (failure === 'stranger') send({ id: 999, type: 'error', code: 'oom', message: '' });
  else if (failure === 'schema') send({ id, type: 'result', request: 'logprobs', result: { surprise: 1 } });
  else if (failure === 'other') send({ id, type: 'result', request: 'ping', result: {} });
  else if (failure === 'short') send({ id, type: 'result', request: 'logprobs', result: {} });
  else if (failure !== 'silent') send({ id, type: 'error', code: failure!, message: `injected ${failure}` });
  return true;
}

process.stdout.write('a library prints what it likes {"id":1}\n');
const worker = createScriptedWorker(send, misbehave);
const reader = createFrameReader();
createReadStream('', { fd: 3 })
  .on('data', (bytes) => {
    for (const frame of reader.push(Buffer.from(bytes))) worker.receive(frame);
  })
  .on('end', () => process.exit(0));
