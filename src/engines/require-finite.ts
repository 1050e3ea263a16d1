import { EngineError } from '../core/errors.ts';
import type { ModelWeights } from './engine.ts';

/**
 * Scores `tokens` and throws if the last update broke the policy, so that the caller neither saves nor publishes it.
 * @param tokens any sequence of at least two tokens.
 * @throws EngineError if the policy's probabilities are not finite.
 */
export async function requireFinitePolicy(
  weights: ModelWeights,
  tokens: Int32Array,
  tryNext: string,
): Promise<void> {
  const [logprobs] = await weights.logprobs({ sequences: [{ tokens }] }, 'policy');
  if (logprobs!.every(Number.isFinite)) return;
  throw new EngineError(
    'the policy has non-finite probabilities after its last update; it was not kept. Try a smaller learning rate.',
    { code: 'NON_FINITE', tryNext },
  );
}
