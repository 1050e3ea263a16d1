import { sizes, tinyModel, writeInitialModel } from '../../scripts/base-model/initial-model.ts';
import type { Problem } from '../../src/core/problem.ts';
import { type RolloutGroup, writtenTokens } from '../../src/core/rollout.ts';
import { openEmbeddedEngine } from '../../src/engines/embedded/engine.ts';
import type { LocalEngine } from '../../src/engines/engine.ts';
import { newConfigJson } from '../../src/engines/model-files/config-file.ts';
import { writeModelFolder } from '../../src/engines/model-files/model-folder.ts';
import { openTorchEngine } from '../../src/engines/torch/engine.ts';
import type { Environment } from '../../src/environments/environment.ts';
import { initialTensors } from '../../src/models/new-model/initial-tensors.ts';
import { rollAll } from '../../src/rollout/roll-groups.ts';
import { sum } from '../../src/statistics/summary.ts';
import { mathProblem, scriptedEnvironment } from '../../src/testing/index.ts';
import type { Verifier } from '../../src/verifiers/verifier.ts';
import { treeUse } from '../step/process-tree.ts';

/** Cost of one arm. */
export interface ArmCost {
  /** CPU seconds of the process and its descendants. */
  readonly cpuSeconds: number;
  readonly seconds: number;
  /** Tokens that the policy wrote. */
  readonly tokens: number;
  readonly attempts: number;
  readonly turns: number;
}

/** Costs of both arms with one seed. */
export interface Measured {
  readonly one: ArmCost;
  readonly two: ArmCost;
}

const prompts = 8;
const attemptsPerPrompt = 8;
const maxTokens = 96;

/** Standard deviation of the embeddings in `initialTensors`. */
const embeddingDeviation = 0.05;
/** Standard deviation of the logits with scaled embeddings; an end token with logit 0 then has a probability below
 * 0.001. */
const logitDeviation = 2.5;

/** Writes an untrained model of one of `sizes` that almost never ends its text. */
export async function writeBenchModel(folder: string, size: string): Promise<void> {
  const { config: shape, ...rest } = sizes[size]!;
  const config = { ...shape, maxPositions: 512 };
  await writeInitialModel(folder, 1, { config, ...rest });
  const scale = logitDeviation / (embeddingDeviation * Math.sqrt(config.hiddenSize));
  const isEnd = (i: number): boolean => Math.floor(i / config.hiddenSize) === tinyModel.endToken;
  const tensors = initialTensors(config, 1).map((tensor) => ({
    ...tensor,
    data: tensor.name.includes('embed_tokens')
      ? Float32Array.from(tensor.data, (value, i) => (isEnd(i) ? 0 : scale * value))
      : tensor.data,
  }));
  await writeModelFolder(folder, {
    config: newConfigJson(config),
    tensors,
    weightType: 'f32',
    companionsFrom: folder,
    endTokens: [tinyModel.endToken],
  });
}

/** Opens an engine by name. */
export function openBenchEngine(name: string, model: string): Promise<LocalEngine> {
  if (name === 'torch') return openTorchEngine({ model, device: 'cpu', exportType: 'f32', train: false });
  return openEmbeddedEngine({ model });
}

/** Runs both arms with `given` inserted tokens; the seed decides which comes first. Each of `ends` ends a first turn. */
export async function measureSeed(
  engine: LocalEngine,
  seed: number,
  given: number,
  ends: readonly string[],
): Promise<Measured> {
  const inserted = '0'.repeat(given);
  const inTwo = (): Promise<ArmCost> =>
    measureArm(engine, seed, problemsOf(''), onceInterrupted(inserted, ends));
  const inOne = (): Promise<ArmCost> => measureArm(engine, seed, problemsOf(inserted));
  if (seed % 2 === 0) {
    const two = await inTwo();
    return { one: await inOne(), two };
  }
  const one = await inOne();
  return { one, two: await inTwo() };
}

const problemsOf = (suffix: string): Problem[] =>
  Array.from({ length: prompts }, (_, i) => ({
    ...mathProblem(),
    id: `p${i}`,
    prompt: [{ role: 'user', content: `${i}+${i}=${suffix}` }],
  }));

/** Interrupts every attempt once: only the first request to the engine has strings that end the turn. */
function onceInterrupted(inserted: string, ends: readonly string[]): Environment {
  let isFirst = true;
  const environment = scriptedEnvironment({
    reply: ({ hasEnded }) => ({ reply: hasEnded ? { type: 'end' } : { type: 'insert', text: inserted } }),
  });
  return {
    ...environment,
    get stop() {
      const stop = isFirst ? ends : [];
      isFirst = false;
      return stop;
    },
  };
}

const verifier: Verifier = {
  name: 'none',
  version: '1',
  check: () => {},
  verify: async () => ({ outcome: 'incorrect', score: 0, reason: '', verifier: 'none@1' }),
  [Symbol.asyncDispose]: async () => {},
};

async function measureArm(
  engine: LocalEngine,
  seed: number,
  problems: readonly Problem[],
  environment?: Environment,
): Promise<ArmCost> {
  const environments = {
    of: () => environment,
    call: async () => ({ outcome: 'ok', text: '' }) as const,
  };
  const begun = performance.now();
  const before = cpuSeconds();
  const groups = await rollAll(
    { engine, verifierFor: () => verifier, environments },
    { problems, rollouts: attemptsPerPrompt, maxTokens, temperature: 1, seed },
  );
  const rollouts = groups.flatMap((group: RolloutGroup) => group.rollouts);
  return {
    cpuSeconds: cpuSeconds() - before,
    seconds: (performance.now() - begun) / 1000,
    tokens: sum(rollouts.map(writtenTokens)),
    attempts: rollouts.length,
    turns: sum(rollouts.map(({ transcripts }) => transcripts[0]!.written.length)),
  };
}

/** Returns the CPU seconds of this process and its workers. */
function cpuSeconds(): number {
  const tree = treeUse(process.pid);
  if (tree === null) throw new Error('expected Linux, where /proc has the CPU seconds of a process tree');
  return tree.cpuSeconds;
}
