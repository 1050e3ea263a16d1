/**
 * Whole training steps of Gradus: choose, roll, judge, learn, record. Arguments: a workload as JSON, and the engine:
 * `embedded`, `torch`, `embedded-ahead` or `torch-ahead`. Waits for a line on standard input before each turn.
 */
import { readSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { byteCount } from '../../src/core/text/byte-size.ts';
import { chooseLaneLayout, type LaneLayout } from '../../src/engines/embedded/lanes/lane-layout.ts';
import { openModelFolder } from '../../src/engines/model-files/model-folder.ts';
import { defineRecipe } from '../../src/recipe/define-recipe.ts';
import type { StepEvent } from '../../src/training/events.ts';
import { startTraining } from '../../src/training/start.ts';
import { customVerifier } from '../../src/verifiers/custom/custom.ts';
import type { Workload } from './workload.ts';

const workload = JSON.parse(process.argv[2]!) as Workload;
const [engine, source] = process.argv[3]!.split('-');
const { model, folder, prompts, groupSize, maxTokens, threads, stepsPerTurn, turns, memoryBudget } = workload;
const coin = {
  ...customVerifier({ module: fileURLToPath(new URL('coin-verifier.ts', import.meta.url)) }),
  workers: 0,
};

/** Returns the engine's default lanes for the CPU cores of this machine. */
async function layoutOf(): Promise<LaneLayout> {
  const { config } = await openModelFolder(model);
  return chooseLaneLayout(config, { memoryBudgetBytes: byteCount(memoryBudget) }, threads);
}

const recipe = defineRecipe({
  name: 'bench-step',
  policy: {
    model,
    engine:
      engine === 'torch'
        ? { type: 'torch', device: 'cpu' }
        : { type: 'embedded', ...(await layoutOf()), memoryBudget },
  },
  problems: [{ type: 'jsonl', path: join(folder, 'problems.jsonl'), domain: 'math' }],
  verifiers: { math: workload.reward === 'coin' ? coin : { type: 'math', extraction: 'boxed' } },
  algorithm: { type: 'dapo', clipHigh: 0.2 },
  // Small enough that the lengths stay those of the initial policy.
  optimizer: { learningRate: 1e-7 },
  sampling: { maxTokens },
  batch: {
    problems: prompts,
    groupSize,
    source: source === 'ahead' ? { type: 'ahead' } : { type: 'in-step' },
  },
  stages: [{ type: 'stage', name: 'all', maxSteps: 1 + stepsPerTurn * turns }],
  checkpoints: { everySteps: 1_000_000 },
});

/** Blocks the thread until the next line; ends the process at the end of the input. */
function waitForTurn(): void {
  const byte = Buffer.alloc(1);
  do if (readSync(0, byte) === 0) process.exit();
  while (byte[0] !== 10);
}

const isWarmUp = (step: number): boolean => step === 1;
let steps: StepEvent[] = [];

function afterStep(step: StepEvent): void {
  steps.push(step);
  if (!isWarmUp(step.step) && steps.length < stepsPerTurn) return;
  const mean = (of: (step: StepEvent) => number): number =>
    steps.reduce((sum, one) => sum + of(one), 0) / steps.length;
  const turn = {
    tokens: mean(({ metrics }) => metrics['rollout/tokens']!),
    phases: {
      rollAndJudge: mean(({ timings }) => timings['time/rollout']!),
      learn: mean(({ timings }) => timings['time/learn']!),
    },
  };
  steps = [];
  console.log(JSON.stringify(turn));
  waitForTurn();
}

await startTraining(recipe, join(folder, `runs-${process.argv[3]!}`), {
  report: (event) => {
    if (event.type === 'step') afterStep(event);
  },
});
