import type { Engine } from '../engines/engine.ts';
import type { Environment } from '../environments/environment.ts';
import { ConfigError } from '../core/errors.ts';
import { givenTranscript } from '../core/transcript.ts';

/**
 * Rejects environments whose replies this model cannot read. The causes are engines without token prompts, chat
 * templates that rewrite earlier turns or lack the reply's role, and tokenizers that change text when it is encoded in
 * pieces. Call it before sampling starts.
 *
 * @throws ConfigError or DataError naming the model and the environment.
 */
export function requireReplies(
  { sampler, renderer }: Pick<Engine, 'sampler' | 'renderer'>,
  environments: readonly (Environment | undefined)[],
): void {
  for (const environment of new Set(environments)) {
    if (environment === undefined) continue;
    const { name, roles } = environment;
    if (renderer === undefined) {
      throw new ConfigError(
        `environment ${name}: expected an engine that continues from tokens, got "${sampler.info.engine}" without a ` +
          'tokenizer; set "tokenizer" of the openai engine for a server that takes token prompts',
      );
    }
    const ends = renderer.endTokens[0]!;
    const [head, tail] = ['a', 'b'].map((text) => renderer.encode(text)) as [Int32Array, Int32Array];
    const pieces = renderer.decode(Int32Array.of(...head, ...tail));
    if (pieces !== renderer.decode(renderer.encode('ab'))) {
      throw new ConfigError(
        `environment ${name}: expected a tokenizer that preserves text encoded in pieces, got one that reads ` +
          `"ab" in pieces as ${JSON.stringify(pieces)} (${sampler.info.model})`,
      );
    }
    const probe = givenTranscript(
      [],
      Int32Array.of(...renderer.render([{ role: 'user', content: 'q' }]), ends),
    );
    for (const role of roles) renderer.append(probe, [{ role, content: 'r' }]);
  }
}
