/**
 * A worker without a model, for tests of the client: every token is as likely as any other. What it does wrong, and at
 * which request, is its argument: `<request>:<failure>`.
 */
import { createReadStream, writeSync } from 'node:fs';
import { uniformAt } from '../../src/core/rng.ts';
import { createFrameReader, encodeFrame } from '../../src/protocol/frame.ts';
import { type Request, requestSchema } from '../../src/protocol/messages.ts';
import { packTensors, type Tensors, unpackTensors } from '../../src/protocol/tensors.ts';

const [when, failure] = (process.argv[2] ?? 'never:none').split(':');
const vocabSize = 32;
const uniform = -Math.log(vocabSize);
let policyVersion = 0;
let lastSeq = 0;
const aborted = new Set<string>();

function send(header: object, data: Tensors = {}): void {
  const { tensors, payload } = packTensors(data);
  write(encodeFrame({ header: { ...header, tensors }, payload }));
}

/** In two pieces, so that no reader can count on whole frames. */
function write(bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length;) at += writeSync(4, bytes, at, Math.min(11, bytes.length - at));
}

function misbehave({ id }: Request): boolean {
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
  else if (failure === 'silent') return true;
  else send({ id, type: 'error', code: failure!, message: `injected ${failure}` });
  return true;
}

function answer(request: Request, tensors: Tensors): void {
  const done = (result: object, data?: Tensors): void =>
    send({ id: request.id, type: 'result', request: request.type, result }, data);
  const zeros = (): Tensors => ({ logprobs: new Float32Array(tensors['tokens']!.length) });
  switch (request.type) {
    case 'hello':
      return done({
        protocol: 1,
        session: 'scripted',
        worker: { version: '0', pid: process.pid, python: '', torch: '' },
        devices: ['cpu'],
      });
    case 'createModel':
      return done({
        modelHash: '0'.repeat(64),
        architecture: 'Scripted',
        parameters: 1,
        vocabSize,
        maxSequenceTokens: 256,
        device: 'cpu',
        dtype: 'float32',
        policyVersion,
      });
    case 'sample':
      return void draw(request, tensors, done);
    case 'abort':
      for (const one of request.sequences ?? [null])
        aborted.add(`${request.target} ${one === null ? 'all' : `${one.prompt} ${one.index}`}`);
      return done({});
    case 'logprobs':
      return done({}, zeros());
    case 'forwardBackward': {
      const tokens = tensors['weights']!.filter((weight) => weight !== 0).length;
      const sizes = { tokens, processedTokens: tensors['tokens']!.length, sequences: request.lengths.length };
      return done({ loss: null, ...sizes, entropy: 1.5 }, zeros());
    }
    case 'optimStep':
      return done({ policyVersion: ++policyVersion, gradNorm: 0.5, applied: true });
    case 'saveState':
    case 'loadState':
      return done({ policyVersion });
    case 'stats':
      return done({ metrics: {} });
    case 'shutdown':
      done({});
      return process.exit(0);
    default:
      return done({});
  }
}

/** One token of every open completion at a time, as a worker does; only streams what it was asked to stream. */
async function draw(
  request: Extract<Request, { type: 'sample' }>,
  { randomKeys }: Tensors,
  done: (result: object) => void,
): Promise<void> {
  const open = request.prompts
    .flatMap(({ count, firstIndex }, prompt) =>
      Array.from({ length: count }, (_, i) => ({ prompt, index: firstIndex + i })),
    )
    .map((one, i) => ({ ...one, key: randomKeys![i]! }));
  const isAborted = (name: string): boolean => aborted.has(`${request.id} ${name}`);
  const sendPart = (from: number, to: number): void => {
    const isLast = to === request.maxTokens;
    const live = open.filter(({ prompt, index }) => !isAborted(`${prompt} ${index}`));
    const tokens = live.flatMap(({ key }) =>
      Array.from({ length: to - from }, (_, i) => Math.floor(uniformAt(key, from + i) * vocabSize)),
    );
    const sequences = live.map(({ prompt, index }) => ({
      prompt,
      index,
      count: to - from,
      finishReason: isLast ? 'length' : null,
      policyVersionStart: policyVersion,
      policyVersionEnd: policyVersion,
    }));
    const data = {
      tokens: Int32Array.from(tokens),
      logprobs: new Float32Array(tokens.length).fill(uniform),
    };
    send({ id: request.id, type: 'part', sequences }, data);
  };
  for (let t = 0; t < request.maxTokens && !isAborted('all'); t++) {
    await new Promise((resolve) => setTimeout(resolve, 1));
    if (request.stream) sendPart(t, t + 1);
    else if (t === request.maxTokens - 1) sendPart(0, t + 1);
    if (t === 0 && failure === 'midway') process.kill(process.pid, 'SIGKILL');
  }
  done({ finished: open.length, aborted: 0 });
}

process.stdout.write('a library prints what it likes {"id":1}\n');
const reader = createFrameReader();
const requests = createReadStream('', { fd: 3 });
requests.on('data', (bytes) => {
  for (const { header, payload } of reader.push(Buffer.from(bytes))) {
    const request = requestSchema.parse(header);
    if ('seq' in request && request.seq !== ++lastSeq) {
      send({
        id: request.id,
        type: 'error',
        code: 'conflict',
        message: `seq ${request.seq}, not ${lastSeq}`,
      });
      continue;
    }
    if (request.type === when && failure !== 'midway' && misbehave(request)) continue;
    answer(request, unpackTensors(request.tensors, payload));
  }
});
requests.on('end', () => process.exit(0));
