import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { LossSpec } from '../../src/core/loss-spec.ts';
import type { LearningEngine } from '../../src/engines/engine.ts';
import { sampleTurns } from '../../src/testing/single-turn.ts';

/** The parts of a step that may be interrupted. */
export type Phase = 'sample' | 'learn';

/** A callback that runs while a phase is in flight. */
export type During = (phase: Phase, step: number, work: Promise<unknown>) => Promise<void>;

const loss: LossSpec = {
  policy: { type: 'clipped', ratio: 'token', clipLow: 0.2, clipHigh: 0.28, dualClip: null },
  kl: null,
  entropy: { coefficient: 0.01 },
  importance: null,
  temperature: 1,
};

const prompts = Array.from({ length: 16 }, (_, i) => ({ key: `${i}+${3 * i}=?`, count: 4 }));
/** Number of passes over a batch before an update, so that a step lasts some seconds. */
const passes = 3;
const stepsPerState = 3;

/**
 * Takes `steps` steps (sample, learn from the completions, update), and saves a state every third step. Yields a digest
 * of everything that step returned: completions, log-probabilities, loss and norm; the last one covers the saved files
 * too.
 */
export async function* train(
  engine: LearningEngine,
  steps: number,
  folder: string,
  during: During,
): AsyncGenerator<string> {
  for (let step = 0; step < steps; step++) {
    const digest = createHash('sha256');
    const drawing = draw(engine, step);
    await Promise.all([drawing, during('sample', step, drawing)]);
    const written = await drawing;
    digest.update(written.map(({ name, tokens }) => `${name} ${tokens.join()}`).join('\n'));
    const learning = learn(engine, written);
    await Promise.all([learning, during('learn', step, learning)]);
    digest.update(JSON.stringify(await learning));
    if (step % stepsPerState === stepsPerState - 1) {
      const state = join(folder, `state-${step}`);
      await engine.learner.saveState(state);
      engine.learner.restartFrom?.(state);
    }
    if (step === steps - 1) {
      const state = join(folder, 'end');
      await engine.learner.saveState(state);
      for (const name of readdirSync(state).toSorted())
        digest.update(name).update(readFileSync(join(state, name)));
    }
    yield digest.digest('hex');
  }
}

interface Written {
  readonly name: string;
  readonly tokens: Int32Array;
  readonly promptLength: number;
  readonly logprobs: Float32Array;
}

async function draw(engine: LearningEngine, seed: number): Promise<Written[]> {
  const asked = prompts.map(({ key, count }) => ({ key, count, prompt: engine.renderer.encode(key) }));
  const found: Written[] = [];
  for await (const turn of sampleTurns(engine, { prompts: asked, maxTokens: 16, seed }))
    found.push({
      name: `${turn.key} ${String(turn.index).padStart(2, '0')}`,
      tokens: Int32Array.from([...turn.promptTokens, ...turn.tokens]),
      promptLength: turn.promptTokens.length,
      logprobs: turn.logprobs,
    });
  return found.toSorted((a, b) => (a.name < b.name ? -1 : 1));
}

async function learn(engine: LearningEngine, written: readonly Written[]): Promise<unknown> {
  const sequences = written.map(({ tokens, promptLength, logprobs }, place) => {
    const full = (fill: number): Float32Array => new Float32Array(tokens.length).fill(fill, promptLength);
    const rolloutLogprobs = full(0);
    rolloutLogprobs.set(logprobs, promptLength);
    return { tokens, weights: full(1 / 4096), advantages: full(place % 2 === 0 ? 1 : -1), rolloutLogprobs };
  });
  const losses = [];
  for (let pass = 0; pass < passes; pass++) {
    const { loss: total } = await engine.learner.forwardBackward({ sequences }, loss);
    losses.push(total);
  }
  const update = await engine.learner.optimStep({ learningRate: 1e-4 });
  return { losses, update };
}
