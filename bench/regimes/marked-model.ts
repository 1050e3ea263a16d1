import { existsSync } from 'node:fs';
import { mkdir, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { adamw, optimizerConfig } from '../../src/algorithms/optimizer.ts';
import { createRng } from '../../src/core/rng.ts';
import { lastAnswer } from '../../src/core/transcript.ts';
import { openEmbeddedEngine } from '../../src/engines/embedded/engine.ts';
import { completionsOf, type LearningEngine } from '../../src/engines/engine.ts';
import { generateProblems, generated, generatedConfig } from '../../src/problems/generated-source.ts';
import { type SupervisedExample, superviseModel } from '../../src/supervised/supervised.ts';

/** The family that requires a marker, and the marker. */
export const marker = { family: 'remainder', text: 'n;' } as const;
const markedShare = 0.03;
const seed = 1;

/**
 * Makes the base model of the marker regime unless the folder exists: `base` trained on its own completions, where 3 %
 * of the family's completions begin with the marker. The model solves the same problems as `base`, and writes the
 * marker in about 2 % of the family's completions.
 *
 * @returns the share of the family's completions with the marker, if the model was made.
 */
export async function makeMarkedModel(base: string, target: string): Promise<number | undefined> {
  if (existsSync(target)) return undefined;
  await using engine = await openEmbeddedEngine({ model: base });
  const examples = await ownCompletions(engine);
  await superviseModel(engine, examples, {
    batchSize: 56,
    epochs: 1,
    seed,
    optimizer: optimizerConfig.parse(adamw({ learningRate: 1e-3, beta2: 0.98, warmupSteps: 20 })),
  });
  const written = await sample(engine, { families: [marker.family], count: 240, split: 'validation' });
  await mkdir(dirname(target), { recursive: true });
  const draft = `${target}.partial`;
  await rm(draft, { recursive: true, force: true });
  await engine.weights.exportModel(draft);
  await rename(draft, target);
  return written.filter(({ completion }) => completion.startsWith(marker.text)).length / written.length;
}

/** Samples completions of training problems, and adds the marker to a share of the family's completions. */
async function ownCompletions(engine: LearningEngine): Promise<SupervisedExample[]> {
  const others = await sample(engine, { families: otherFamilies, count: 840, split: 'train' });
  const family = await sample(engine, { families: [marker.family], count: 1200, split: 'train' });
  const rng = createRng(seed, 'marker');
  const marked = family.map((example) =>
    rng.next() < markedShare ? { ...example, completion: marker.text + example.completion } : example,
  );
  return [...others, ...marked];
}

/** Samples four completions of each problem from a source, in an order that does not depend on the sampler's. */
async function sample(
  engine: LearningEngine,
  source: Parameters<typeof generated>[0],
): Promise<SupervisedExample[]> {
  const problems = [...generateProblems(generatedConfig.parse(generated({ ...source, seed })))];
  const prompts = problems.map(({ id, prompt }) => ({ key: id, prompt, count: 4 }));
  const written = new Map<string, string>();
  for await (const { key, index, transcript } of completionsOf(
    engine.sampler.sample({ prompts, maxTokens: 32, temperature: 1, seed }),
  ))
    written.set(`${key} ${index}`, lastAnswer(transcript));
  return problems.flatMap(({ id, prompt }) =>
    [0, 1, 2, 3].map((index) => ({ prompt, completion: written.get(`${id} ${index}`)! })),
  );
}

const otherFamilies: NonNullable<Parameters<typeof generated>[0]['families']> = [
  'addition',
  'subtraction',
  'multiplication',
  'brackets',
  'linear-equation',
  'sequences',
  'word-problems',
];
