import { cpSync, rmSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import * as fc from 'fast-check';
import { afterAll, expect, test } from 'vitest';
import { createRng } from '../../src/core/rng.ts';
import { createRun } from '../../src/runs/writing/create-run.ts';
import { openRun } from '../../src/runs/writing/open-run.ts';
import { openRunReader } from '../../src/runs/reading/run-reader.ts';
import type { Run } from '../../src/runs/writing/run.ts';
import { makeFastFolder } from './fast-folder.ts';
import { scriptedGroup } from './scripted-training.ts';

const root = makeFastFolder('life');
afterAll(() => rmSync(root, { recursive: true, force: true }));

/** Model of a run in memory. A checkpoint is a copy; a crash restores it. */
interface Model {
  readonly steps: { step: number; stage: string; value: number }[];
  readonly rollouts: { step: number; purpose: string; token_ids: number[] }[];
  readonly events: { step: number; message: string }[];
  readonly evaluations: { step: number; result: number }[];
}

const emptyModel = (): Model => ({ steps: [], rollouts: [], events: [], evaluations: [] });

const stageAt = (step: number): string => `stage-${Math.floor(step / 3)}`;

class Life {
  run: Run;
  model = emptyModel();
  saved = emptyModel();
  #copies = 0;

  constructor(run: Run) {
    this.run = run;
  }

  async step(value: number, groupCount: number): Promise<void> {
    const step = this.model.steps.length + 1;
    const groups = this.#groups(value, step, groupCount);
    await this.run.recordStep({ step, stage: stageAt(step), metrics: { 'reward/mean': value }, groups });
    this.model.steps.push({ step, stage: stageAt(step), value });
    this.#expectRollouts(step, 'train', groups);
  }

  async measure(value: number): Promise<void> {
    const step = this.model.steps.length;
    const groups = this.#groups(value, step, 1);
    await this.run.recordRollouts({ step, stage: 's', purpose: 'measure', groups });
    this.#expectRollouts(step, 'measure', groups);
  }

  async event(message: string): Promise<void> {
    const step = this.model.steps.length;
    await this.run.recordEvent({ step, type: 'note', message });
    this.model.events.push({ step, message });
  }

  async evaluate(result: number): Promise<void> {
    const step = this.model.steps.length;
    await this.run.recordEvaluation({ step, name: 'held-out', result });
    this.model.evaluations.push({ step, result });
  }

  async checkpoint(keepLast: number): Promise<void> {
    await this.run.saveCheckpoint({
      controllerState: this.model,
      writeEngineState: async (folder) => {
        await mkdir(folder);
        await writeFile(join(folder, 'weights'), JSON.stringify(this.model));
      },
      retention: { keepLast, keepStageEnds: true, keepBest: false },
    });
    this.saved = structuredClone(this.model);
  }

  /** Continues in a copy of the files that a kill would leave. Returns the controller state of the copy. */
  async crash(): Promise<unknown> {
    const copy = `${this.run.directory}-${++this.#copies}`;
    cpSync(this.run.directory, copy, { recursive: true, filter: (path) => basename(path) !== 'run.lock' });
    await this.run[Symbol.asyncDispose]();
    this.run = await openRun(copy);
    this.model = structuredClone(this.saved);
    return (await this.run.latestCheckpoint())?.controllerState ?? emptyModel();
  }

  /** Returns the content of the run on disk. */
  async read(): Promise<Model> {
    using reader = await openRunReader(this.run.directory);
    const { steps, values } = reader.metric('reward/mean');
    const stages = reader.stages();
    const stageOf = (step: number) =>
      stages.find(({ firstStep, lastStep }) => firstStep <= step && step <= lastStep)!.stage;
    return {
      steps: Array.from(steps, (step, index) => ({ step, stage: stageOf(step), value: values[index]! })),
      rollouts: await reader.rollouts(reader.groups(), ['step', 'purpose', 'token_ids']),
      events: reader.events().map(({ step, message }) => ({ step, message })),
      evaluations: reader.evaluations().map(({ step, result }) => ({ step, result: result as number })),
    };
  }

  #groups(seed: number, step: number, count: number) {
    return Array.from({ length: count }, (_, n) => scriptedGroup(createRng(seed, n), step, `p${n}`));
  }

  #expectRollouts(step: number, purpose: string, groups: ReturnType<typeof scriptedGroup>[]): void {
    for (const { transcripts } of groups.flatMap(({ group }) => group.rollouts)) {
      this.model.rollouts.push({ step, purpose, token_ids: [...transcripts[0]!.tokens] });
    }
  }
}

const value = fc.integer({ min: -5, max: 5 });
const action: fc.Arbitrary<(life: Life) => Promise<unknown>> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.tuple(value, fc.nat(2)).map(
      ([v, n]) =>
        (life: Life) =>
          life.step(v, n),
    ),
  },
  { weight: 1, arbitrary: value.map((v) => (life: Life) => life.measure(v)) },
  { weight: 1, arbitrary: fc.string().map((text) => (life: Life) => life.event(text)) },
  { weight: 1, arbitrary: value.map((v) => (life: Life) => life.evaluate(v)) },
  { weight: 2, arbitrary: fc.integer({ min: 1, max: 3 }).map((n) => (life: Life) => life.checkpoint(n)) },
  { weight: 2, arbitrary: fc.constant((life: Life) => life.crash()) },
);

test('after any history, a run contains what was recorded up to the last checkpoint and since the last crash', async () => {
  let lives = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(action, { maxLength: 25 }), async (actions) => {
      const life = new Life(
        await createRun(join(root, String(lives++)), { name: 'life', recipe: {}, seed: 1 }),
      );
      for (const act of actions) await act(life);
      expect(await life.read()).toEqual(life.model);
      expect(await life.crash()).toEqual(life.saved);
      expect(await life.read()).toEqual(life.saved);
      await life.run[Symbol.asyncDispose]();
    }),
    { numRuns: 40 },
  );
});
