import { mkdir, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { sizes, writeInitialModel } from '../../scripts/base-model/initial-model.ts';
import { generateProblems } from '../../src/problems/generated-source.ts';

/** The work that every contender does in a step. */
export interface Workload {
  /** Hugging Face folder. */
  readonly model: string;
  /** Folder with `problems.jsonl` (id, prompt, answer), and for scratch files. */
  readonly folder: string;
  readonly prompts: number;
  readonly groupSize: number;
  readonly maxTokens: number;
  /** `coin`: 1 for texts with an even sum of code points, so that nearly every group has a gradient. */
  readonly reward: 'answer' | 'coin';
  readonly threads: number;
  /** Number of steps that a contender takes per turn. */
  readonly stepsPerTurn: number;
  readonly turns: number;
  /** Budget of the embedded engine, more than the largest model needs. */
  readonly memoryBudget: string;
}

const memoryBudget = '4.1GiB';

const families = [
  'addition',
  'subtraction',
  'multiplication',
  'brackets',
  'linear-equation',
  'remainder',
] as const;

/**
 * Writes problems and, for a size by name, the model: `0.3m` is the demo's, `5m` has random weights of 4.8 million, `135m`
 * is SmolLM2 as imported by docs/real-model.md. Any other name is a model folder.
 */
export async function writeWorkload(
  name: string,
  folder: string,
  shape: Omit<Workload, 'model' | 'folder' | 'memoryBudget'>,
): Promise<Workload> {
  await mkdir(folder, { recursive: true });
  const problems = [
    ...generateProblems({
      type: 'generated',
      split: 'train',
      families: [...families],
      domain: 'math',
      count: 400,
      seed: 0,
    }),
  ];
  const rows = problems.map(({ id, prompt, answer }) => ({ id, prompt: prompt.at(-1)!.content, answer }));
  await writeFile(join(folder, 'problems.jsonl'), rows.map((row) => JSON.stringify(row)).join('\n'));
  if (name === '5m') await writeInitialModel(join(folder, 'model'), 1, sizes[name]!);
  const bundled: Readonly<Record<string, string>> = {
    '0.3m': resolve('models/gradus-tiny'),
    '5m': join(folder, 'model'),
    '135m': resolve('models/smollm2'),
  };
  const model = bundled[name] ?? resolve(name);
  return { ...shape, model, folder, memoryBudget };
}
