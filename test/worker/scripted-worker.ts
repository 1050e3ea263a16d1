import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { uniformAt } from '../../src/core/rng.ts';
import { type Frame } from '../../src/protocol/frame.ts';
import { type Request, requestSchema } from '../../src/protocol/messages.ts';
import { type Tensors, unpackTensors } from '../../src/protocol/tensors.ts';

/** Sends a reply: a header without its tensors, and the tensors. */
export type SendReply = (header: object, data?: Tensors) => void;

const vocabSize = 32;
const uniform = -Math.log(vocabSize);

/**
 * Creates a worker without a model, for tests of the client: all tokens are equally likely. Its policy is one number that depends
 * on all updates and their order, and determines the log-probabilities of the policy.
 */
export function createScriptedWorker(
  send: SendReply,
  /** Injects a failure in place of an answer if one is due. */
  misbehave: (request: Request) => boolean,
): { receive(frame: Frame): void } {
  let policy = 0;
  let gradient = 0;
  let policyVersion = 0;
  let lastSeq = 0;
  const aborted = new Set<string>();

  const answer = (request: Request, tensors: Tensors): void => {
    const done = (result: object, data?: Tensors): void =>
      send({ id: request.id, type: 'result', request: request.type, result }, data);
    const refuse = (message: string): void =>
      send({ id: request.id, type: 'error', code: 'bad-request', message });
    const every = (value: number): Tensors => ({
      logprobs: new Float32Array(tensors['tokens']!.length).fill(value),
    });
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
        return done({}, every(request.which === 'policy' ? policy : 0));
      case 'forwardBackward': {
        const tokens = tensors['weights']!.filter((weight) => weight !== 0).length;
        for (const [t, token] of tensors['tokens']!.entries()) gradient += token * tensors['weights']![t]!;
        const sizes = {
          tokens,
          processedTokens: tensors['tokens']!.length,
          sequences: request.lengths.length,
        };
        return done({ loss: null, ...sizes, entropy: 1.5, metrics: { mfu: 0.5, none: null } }, every(policy));
      }
      case 'optimStep':
        // Not associative, so that a missing, repeated or misordered update is detected.
        policy = Math.fround((policy * 3 + gradient * request.learningRate) % 1000);
        gradient = 0;
        return done({ policyVersion: ++policyVersion, gradNorm: 0.5, applied: true });
      case 'saveState':
        if (gradient !== 0) return refuse('a gradient waits for its step');
        mkdirSync(request.dir, { recursive: true });
        writeFileSync(join(request.dir, 'state.json'), JSON.stringify({ policy, policyVersion }));
        return done({ policyVersion });
      case 'loadState':
        try {
          const text = readFileSync(join(request.dir, 'state.json'), 'utf8');
          ({ policy, policyVersion } = JSON.parse(text) as { policy: number; policyVersion: number });
        } catch {
          return refuse(`${request.dir} holds no state`);
        }
        gradient = 0;
        return done({ policyVersion });
      case 'stats':
        return done({ metrics: { speed: 7, unknown: null } });
      default:
        return done({});
    }
  };

  /** Writes one token of every open completion at a time, as a worker does; streams only if the request asks for it. */
  const draw = async (
    request: Extract<Request, { type: 'sample' }>,
    { randomKeys }: Tensors,
    done: (result: object) => void,
  ): Promise<void> => {
    const open = request.prompts
      .flatMap(({ count, firstIndex }, prompt) =>
        Array.from({ length: count }, (_, i) => ({ prompt, index: firstIndex + i })),
      )
      .map((one, i) => ({ ...one, key: randomKeys![i]! }));
    const isAborted = (name: string): boolean => aborted.has(`${request.id} ${name}`);
    const sendPart = (all: typeof open, from: number, to: number): void => {
      const live = all.filter(({ prompt, index }) => !isAborted(`${prompt} ${index}`));
      const tokens = live.flatMap(({ key }) =>
        Array.from({ length: to - from }, (_, i) => Math.floor(uniformAt(key, from + i) * vocabSize)),
      );
      const sequences = live.map(({ prompt, index }) => ({
        prompt,
        index,
        count: to - from,
        finishReason: to === request.maxTokens ? 'length' : null,
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
      if (request.stream) sendPart(open, t, t + 1);
    }
    if (!request.stream && !isAborted('all')) for (const one of open) sendPart([one], 0, request.maxTokens);
    done({ finished: open.length, aborted: 0 });
  };

  return {
    receive: ({ header, payload }) => {
      const request = requestSchema.parse(header);
      if ('seq' in request && request.seq !== ++lastSeq) {
        const message = `seq ${request.seq}, not ${lastSeq}`;
        send({ id: request.id, type: 'error', code: 'conflict', message });
      } else if (!misbehave(request)) answer(request, unpackTensors(request.tensors, payload));
    },
  };
}
