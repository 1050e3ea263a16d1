import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createRng, restoreRng, type Rng, type RngState } from '../../src/core/rng.ts';
import type { RecordedGroup } from '../../src/runs/files/records.ts';
import type { Run } from '../../src/runs/writing/run.ts';
import { singleTurn } from '../../src/testing/single-turn.ts';

/**
 * A training loop without a model that writes all records of a real one. Its "weights" depend on every random number
 * drawn, so a resume that loses, repeats or reorders a step ends with different weights.
 */
export interface ScriptedPlan {
  readonly steps: number;
  readonly stageSteps: number;
  readonly checkpointEvery: number;
  /** Number of floats in the engine state; more take longer to write. */
  readonly weights: number;
}

/** A small plan with every kind of record, and checkpoints at the ends of stages and between them. */
export const smallPlan: ScriptedPlan = { steps: 4, stageSteps: 3, checkpointEvery: 2, weights: 16 };

const retention = { keepLast: 1, keepStageEnds: true, keepBest: false };

interface Learner {
  step: number;
  rng: Rng;
  readonly weights: Float64Array;
}

/** Trains from the newest checkpoint of the run to the end, and finishes the run. */
export async function trainScripted(
  run: Run,
  plan: ScriptedPlan,
  onStep: (step: number) => Promise<void> = async () => {},
): Promise<void> {
  const learner = await restoreLearner(run, plan);
  while (learner.step < plan.steps) {
    if (learner.step % plan.stageSteps === 0) await beginStage(run, learner, plan);
    await takeStep(run, learner, plan);
    await onStep(learner.step);
    const isStageEnd = learner.step % plan.stageSteps === 0 || learner.step === plan.steps;
    if (isStageEnd) await endStage(run, learner, plan);
    if (isStageEnd || learner.step % plan.checkpointEvery === 0) await saveLearner(run, learner, isStageEnd);
  }
  await run.exportModel((folder) => writeWeights(join(folder, 'model'), learner.weights));
  await run.finish('finished', 'all stages done');
}

const prompt = [{ role: 'user' as const, content: '3+4?' }];

/** Draws a judged group with every optional field. */
export function scriptedGroup(rng: Rng, step: number, id: string): RecordedGroup {
  const rollouts = [0, 1].map((index) => {
    const isCorrect = rng.next() < 0.5;
    const length = rng.integer(0, 5);
    return {
      problemId: id,
      index,
      transcripts: [
        singleTurn(
          {
            promptTokens: Int32Array.of(1, 2, 3),
            tokens: Int32Array.from({ length }, () => rng.integer(0, 50_000)),
            logprobs: Float32Array.from({ length }, () => -rng.next()),
            text: `answer \\boxed{${rng.integer(0, 99)}}`,
            policyVersion: step,
          },
          prompt,
        ),
      ],
      verdict: {
        outcome: isCorrect ? ('correct' as const) : ('incorrect' as const),
        score: Number(isCorrect),
        reason: isCorrect ? 'equal' : 'not equal',
        verifier: 'math@1',
        evidence: { gold: '7' },
      },
    };
  });
  const problem = {
    id,
    domain: 'math',
    family: 'addition',
    knob: 2,
    prompt,
    answer: '7',
    source: 'generated',
  };
  const rewards = rollouts.map(({ verdict }) => verdict.score);
  return {
    group: { problem, rollouts },
    level: 'L1',
    rewards,
    advantages: rewards.map((reward) => reward - 0.5),
  };
}

async function beginStage(run: Run, learner: Learner, plan: ScriptedPlan): Promise<void> {
  const stage = stageName(learner.step, plan);
  const groups = [0, 1].map((n) => scriptedGroup(learner.rng, learner.step, `probe-${n}`));
  await run.recordRollouts({ step: learner.step, stage, purpose: 'measure', groups });
  await run.recordEvent({
    step: learner.step,
    stage,
    type: 'stage-start',
    message: 'begins',
    data: { problems: 2 },
  });
}

async function takeStep(run: Run, learner: Learner, plan: ScriptedPlan): Promise<void> {
  const stage = stageName(learner.step, plan);
  const groups = [0, 1].map((n) => scriptedGroup(learner.rng, learner.step, `problem-${n}`));
  learner.weights.forEach((weight, index) => (learner.weights[index] = weight * 0.9 + learner.rng.next()));
  learner.step++;
  const metrics = { 'reward/mean': learner.weights[0]!, 'loss/policy': -learner.rng.next() };
  await run.recordStep({
    step: learner.step,
    stage,
    metrics,
    timings: { 'time/step': performance.now() },
    groups,
  });
}

async function endStage(run: Run, learner: Learner, plan: ScriptedPlan): Promise<void> {
  const stage = stageName(learner.step - 1, plan);
  await run.recordEvent({ step: learner.step, stage, type: 'stage-end', message: 'max steps' });
  await run.recordEvaluation({ step: learner.step, name: 'held-out', result: { avg: learner.rng.next() } });
}

function stageName(stepsTaken: number, plan: ScriptedPlan): string {
  return `stage-${Math.floor(stepsTaken / plan.stageSteps)}`;
}

async function saveLearner(run: Run, learner: Learner, isStageEnd: boolean): Promise<void> {
  await run.saveCheckpoint({
    controllerState: { step: learner.step, rng: learner.rng.save() },
    writeEngineState: (folder) => writeWeights(folder, learner.weights),
    isStageEnd,
    retention,
  });
}

async function restoreLearner(run: Run, plan: ScriptedPlan): Promise<Learner> {
  const checkpoint = await run.latestCheckpoint();
  if (checkpoint === undefined) {
    return { step: 0, rng: createRng(run.seed, 'scripted'), weights: new Float64Array(plan.weights) };
  }
  const { step, rng } = checkpoint.controllerState as { step: number; rng: RngState };
  const bytes = await readFile(join(checkpoint.engineState, 'nested', 'weights.bin'));
  return { step, rng: restoreRng(rng), weights: new Float64Array(Uint8Array.from(bytes).buffer) };
}

async function writeWeights(folder: string, weights: Float64Array): Promise<void> {
  await mkdir(join(folder, 'nested'), { recursive: true });
  await writeFile(join(folder, 'nested', 'weights.bin'), new Uint8Array(weights.slice().buffer));
  await writeFile(join(folder, 'config.json'), '{"weights":1}');
}
