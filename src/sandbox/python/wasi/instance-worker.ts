// oxlint-disable unicorn/require-post-message-target-origin -- a rule for browser windows; these are worker threads
import { parentPort, workerData } from 'node:worker_threads';
import { stringifyJson } from '../../../core/lossless-json.ts';
import { lifeFields, type InstanceEnd, type InstanceStart } from './instance.ts';
import { SharedPipe } from './shared-pipe.ts';
import { wasm } from './web-assembly.ts';
import type { HostFile } from './file-calls.ts';
import { createWasiHost, ProgramExit } from './wasi-host.ts';

const start = workerData as InstanceStart;
const life = new Float64Array(start.life);
const encoder = new TextEncoder();

/** Creates a file that collects bytes up to a limit and rejects more, as with RLIMIT_FSIZE. */
function collector(limit: number): { file: HostFile; bytes: () => Uint8Array } {
  const parts: Uint8Array[] = [];
  let size = 0;
  const write = (bytes: Uint8Array): boolean => {
    const kept = bytes.subarray(0, limit - size);
    parts.push(kept);
    size += kept.length;
    return kept.length === bytes.length;
  };
  return { file: { write }, bytes: () => Buffer.concat(parts) };
}

function textFile(text: string | Uint8Array): HostFile {
  let rest = typeof text === 'string' ? encoder.encode(text) : text;
  const read = (most: number): Uint8Array => {
    const part = rest.subarray(0, most);
    rest = rest.subarray(part.length);
    return part;
  };
  return { read };
}

function sleep(ms: number): void {
  const begin = performance.now();
  life[lifeFields.isAsleep] = 1;
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
  life[lifeFields.isAsleep] = 0;
  life[lifeFields.sleptMs] = life[lifeFields.sleptMs]! + performance.now() - begin;
}

function openFile(name: string): HostFile | undefined {
  const [requests, replies] = [new SharedPipe(start.requests), new SharedPipe(start.replies)];
  const isJudge = start.role === 'judge';
  switch (name) {
    case 'role':
      return textFile(start.role);
    case 'modules':
      return textFile(JSON.stringify(start.modules));
    case 'job': {
      const usage = process.threadCpuUsage();
      life[lifeFields.jobCpuMs] = (usage.user + usage.system) / 1000;
      return textFile(stringifyJson(start.job));
    }
    case 'requests':
      return isJudge ? { write: (bytes) => requests.write(bytes) } : { read: (most) => requests.read(most) };
    case 'replies':
      return isJudge ? { read: (most) => replies.read(most) } : { write: (bytes) => replies.write(bytes) };
    case 'replies-ready':
      return isJudge ? textFile(replies.isReadable(20) ? '1' : '') : undefined;
    case 'program-cpu':
      return isJudge
        ? textFile(String(new Float64Array(start.programLife)[lifeFields.cpuMs]! / 1000))
        : undefined;
    default:
      return undefined;
  }
}

function run(): InstanceEnd {
  const [output, errors] = [collector(start.outputBytes), collector(start.outputBytes)];
  const host = createWasiHost({
    args: ['python', '-I', '-S', '-B', '-c', start.main],
    streams: [textFile(Buffer.from(start.stdin, 'utf8')), output.file, errors.file],
    directory: '/io',
    open: openFile,
    sleep,
  });
  const end = (ended: InstanceEnd['ended'], code: number): InstanceEnd => ({
    ended,
    code,
    stdout: output.bytes(),
    stderr: errors.bytes(),
  });
  try {
    const instance = new wasm.Instance(start.module, { wasi_snapshot_preview1: host.imports });
    host.attach(instance.exports.memory);
    instance.exports._start();
    return end('exit', 0);
  } catch (error) {
    if (error instanceof ProgramExit) return end('exit', error.code);
    if (error instanceof wasm.RuntimeError || error instanceof RangeError) return end('trap', 1);
    throw error;
  }
}

parentPort?.postMessage(run());
