import { createHash } from 'node:crypto';
import { GradusError } from '../core/errors.ts';
import type { Problem } from '../core/problem.ts';
import type { Rollout } from '../core/rollout.ts';
import { type Conditions, editionOf, type Observation } from '../difficulty/pass-rates/pass-rate-store.ts';
import { kindFeatures, passRateFeature } from '../difficulty/probing/problem-features.ts';
import type { Trials } from '../difficulty/pass-rates/trials.ts';
import type { Engine } from '../engines/engine.ts';

/** A judged attempt as the pass-rate store keeps it. */
export function observationOf(
  { problemId, index, verdict, promptTokens, tokens, tokenCount, finishReason }: Rollout,
  edition: string,
  { source, step }: Pick<Observation, 'source' | 'step'>,
): Observation {
  const written = tokenCount ?? tokens.length;
  return {
    problemId,
    edition,
    source,
    step,
    rollout: index,
    outcome: verdict.outcome,
    ...(promptTokens.length > 0 ? { promptTokens: promptTokens.length } : {}),
    ...(written > 0 ? { tokens: written } : {}),
    finishReason,
  };
}

/** The edition of each problem, by id: what is on record of another edition does not count. */
export function editionsOf(problems: readonly Problem[]): ReadonlyMap<string, string> {
  return new Map(problems.map((problem) => [problem.id, editionOf(problem)]));
}

/**
 * The part of the conditions that an engine decides besides its weights: a digest of how it puts a question. Nothing
 * where a server puts it.
 */
export function templateOf(engine: Pick<Engine, 'encode'>): Pick<Conditions, 'template'> {
  try {
    const tokens = engine.encode([{ role: 'user', content: 'What is asked?' }]);
    return { template: createHash('sha256').update(tokens.join(' ')).digest('hex').slice(0, 12) };
  } catch (error) {
    if (GradusError.isInstance(error) && error.code === 'SAMPLING_ONLY') return {};
    throw error;
  }
}

/** What is known of problems before a model has tried them: their kind, and what other models made of them. */
export function priorKnowledge(
  problems: readonly Problem[],
  others: ReadonlyMap<string, ReadonlyMap<string, Trials>>,
): ReadonlyMap<string, readonly string[]> {
  const ratesOf = (id: string): string[] =>
    Array.from(others).flatMap(([label, rates]) => {
      const known = rates.get(id);
      return known === undefined || known.trials === 0
        ? []
        : [passRateFeature(label, known.successes, known.trials)];
    });
  return new Map(problems.map((problem) => [problem.id, [...kindFeatures(problem), ...ratesOf(problem.id)]]));
}
