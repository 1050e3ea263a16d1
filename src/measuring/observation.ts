import { createHash } from 'node:crypto';
import type { Problem } from '../core/problem.ts';
import { finishReasonOf, type Rollout, writtenTokens } from '../core/rollout.ts';
import { promptLength } from '../core/transcript.ts';
import { type Conditions, editionOf, type Observation } from '../difficulty/pass-rates/pass-rate-store.ts';
import type { RolloutParts } from '../rollout/roll-groups.ts';
import { verifierLabel } from '../verifiers/verifier.ts';
import type { Engine } from '../engines/engine.ts';

/** Converts a judged attempt to a record for the pass-rate store. */
export function observationOf(
  rollout: Rollout,
  edition: string,
  { source, step }: Pick<Observation, 'source' | 'step'>,
): Observation {
  const { problemId, index, verdict, transcripts } = rollout;
  const written = writtenTokens(rollout);
  const prompt = transcripts[0] === undefined ? 0 : promptLength(transcripts[0]);
  return {
    problemId,
    edition,
    source,
    step,
    rollout: index,
    outcome: verdict.outcome,
    ...(prompt > 0 ? { promptTokens: prompt } : {}),
    ...(written > 0 ? { tokens: written } : {}),
    finishReason: finishReasonOf(rollout),
  };
}

/** Returns the edition of each problem, by id; attempts at a different edition do not count. */
export function editionsOf(problems: readonly Problem[]): ReadonlyMap<string, string> {
  return new Map(problems.map((problem) => [problem.id, editionOf(problem)]));
}

/**
 * Returns the label under which attempts are stored: the verifier, and the environment that answered the policy. A
 * problem's pass rates with and without an environment are separate.
 */
export function judgementLabel(
  { verifierFor, environments }: Pick<RolloutParts, 'verifierFor' | 'environments'>,
  problem: Problem,
): string {
  const verifier = verifierLabel(verifierFor(problem));
  const environment = environments?.of(problem);
  return environment === undefined ? verifier : `${verifier} with ${environment.name}@${environment.version}`;
}

/** Returns the digest of how the engine renders a prompt; returns an empty object if a server renders it. */
export function templateOf({ renderer }: Pick<Engine, 'renderer'>): Pick<Conditions, 'template'> {
  if (renderer === undefined) return {};
  const tokens = renderer.render([{ role: 'user', content: 'What is asked?' }]);
  return { template: createHash('sha256').update(tokens.join(' ')).digest('hex').slice(0, 12) };
}
