import { EngineError } from '../core/errors.ts';
import type { ModelWeights } from './engine.ts';

/**
 * What an update did to a policy shows only in another look: one that it broke must be neither kept nor handed out.
 * @param tokens any sequence of at least two tokens.
 * @throws EngineError when the policy no longer gives finite probabilities.
 */
export async function requireFinitePolicy(
  weights: ModelWeights,
  tokens: Int32Array,
  tryNext: string,
): Promise<void> {
  const [logprobs] = await weights.logprobs({ sequences: [{ tokens }] }, 'policy');
  if (logprobs!.every(Number.isFinite)) return;
  throw new EngineError(
    'after its last update the policy no longer gives finite probabilities; it was not kept. A smaller learning rate usually helps.',
    { code: 'NON_FINITE', tryNext },
  );
}
