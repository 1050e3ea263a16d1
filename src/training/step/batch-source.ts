import { ConfigError } from '../../core/errors.ts';
import type { FrozenPolicy, LearningEngine } from '../../engines/engine.ts';
import type { ResolvedStage } from '../../recipe/resolve-stage.ts';
import type { RolloutParts } from '../../rollout/roll-groups.ts';
import {
  type BatchMoment,
  finishBatch,
  type LiveStage,
  rollBatch,
  type RolledBatch,
  type StartedBatch,
  startBatch,
} from './collect-batch.ts';

/** Source of the batches of a stage. */
export interface BatchSource extends AsyncDisposable {
  /** Rolls out the batch of a step, or completes it if an earlier step started it. Call once per step, in order. */
  take(moment: BatchMoment, signal?: AbortSignal): Promise<RolledBatch>;
  /** Batches started for later steps, in order; part of the state after a step. */
  readonly started: readonly StartedBatch[];
}

/** The parts from which a source is created. */
export interface BatchSourceParts {
  readonly engine: LearningEngine;
  readonly stage: LiveStage;
  /** Returns the parts that roll out the batch of a step with the current policy. */
  readonly partsFor: (step: number) => RolloutParts;
  /** Batches from a checkpoint, in order. */
  readonly started?: readonly StartedBatch[];
}

/**
 * Opens the source that the recipe names. Disposing of the source cancels the batches that it started.
 *
 * @throws ConfigError if the recipe uses `ahead()` and the engine cannot keep two policies.
 */
export function openBatchSource(parts: BatchSourceParts): BatchSource {
  const { batchSource, config } = parts.stage.settings;
  switch (batchSource.type) {
    case 'in-step':
      return new InStepSource(parts);
    case 'ahead':
      requireFreezing(parts.engine, parts.stage.settings);
      return new AheadSource(parts, batchSource.maxOffPolicySteps, config.maxSteps);
  }
}

/** Checks the engine. @throws ConfigError for `ahead()` with an engine that cannot keep two policies. */
export function requireFreezing(engine: LearningEngine, { batchSource }: ResolvedStage): void {
  if (batchSource.type === 'in-step' || engine.learner.freezePolicy !== undefined) return;
  throw new ConfigError(
    `batch.source: expected an engine that samples from an older policy for ahead(), got "${engine.sampler.info.engine}"; ` +
      'use inStep(), or the "embedded" or "torch" engine; a remote torch worker must be reached over ssh, not http, and needs "scratch" on a disk that both machines mount',
  );
}

/** Samples each batch in its own step, before the policy learns from it. */
class InStepSource implements BatchSource {
  readonly started = [];
  readonly #parts: BatchSourceParts;

  constructor(parts: BatchSourceParts) {
    this.#parts = parts;
  }

  take(moment: BatchMoment, signal?: AbortSignal): Promise<RolledBatch> {
    const { stage, partsFor } = this.#parts;
    return rollBatch(partsFor(moment.step), stage, moment, signal);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return Promise.resolve();
  }
}

/**
 * Before the policy learns from step s, starts the batches up to step s + k with the current policy. The sampler makes
 * all its choices at that time, one at a time, so the choices do not depend on when rollouts end. Refills are sampled
 * from the policy of the step itself, because gates reject groups only once that step begins.
 */
class AheadSource implements BatchSource {
  readonly #parts: BatchSourceParts;
  readonly #maxOffPolicySteps: number;
  readonly #maxSteps: number;
  readonly #cancelled = new AbortController();
  #started: readonly StartedBatch[];

  constructor(parts: BatchSourceParts, maxOffPolicySteps: number, maxSteps: number) {
    this.#parts = parts;
    this.#maxOffPolicySteps = maxOffPolicySteps;
    this.#maxSteps = maxSteps;
    this.#started = parts.started ?? [];
  }

  get started(): readonly StartedBatch[] {
    return this.#started;
  }

  async take(moment: BatchMoment, signal?: AbortSignal): Promise<RolledBatch> {
    const { stage, partsFor } = this.#parts;
    await this.#startUpTo(
      Math.min(moment.stepInStage + this.#maxOffPolicySteps, this.#maxSteps - 1),
      moment,
      signal,
    );
    const [next, ...later] = this.#started;
    this.#started = later;
    return finishBatch(partsFor(moment.step), stage, next!, signal);
  }

  /**
   * Freezes a copy of the policy for each batch, so an engine that rolls out batches sequentially still uses the right
   * weights.
   */
  async #startUpTo(last: number, now: BatchMoment, signal: AbortSignal | undefined): Promise<void> {
    const { engine, stage, partsFor } = this.#parts;
    const either = AbortSignal.any([this.#cancelled.signal, ...(signal === undefined ? [] : [signal])]);
    for (let at = now.stepInStage + this.#started.length; at <= last; at++) {
      const offPolicySteps = at - now.stepInStage;
      const moment = { ...now, step: now.step + offPolicySteps, stepInStage: at };
      const policy = await engine.learner.freezePolicy!();
      const parts = withPolicy(partsFor(moment.step), policy);
      const batch = startBatch(parts, stage, moment, { offPolicySteps, signal: either });
      void settled([batch]).then(() => policy[Symbol.asyncDispose]());
      this.#started = [...this.#started, batch];
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#cancelled.abort();
    await settled(this.#started);
  }
}

const settled = (batches: readonly StartedBatch[]): Promise<unknown> =>
  Promise.allSettled(batches.map(({ firstRound }) => firstRound));

const withPolicy = (parts: RolloutParts, { sampler }: FrozenPolicy): RolloutParts => ({
  ...parts,
  engine: { sampler, renderer: parts.engine.renderer },
});
