import { ConfigError } from '../../core/errors.ts';
import type { Problem } from '../../core/problem.ts';
import { givenTranscript, type Start, startTranscript } from '../../core/transcript.ts';
import { completionsOf, type SamplePrompt } from '../../engines/engine.ts';
import type { RolloutStrategy, StrategyParts } from './strategy.ts';

/** Writes each attempt in one turn, independently of the others. */
export const independent: RolloutStrategy = {
  async *roll({ engine, pending }, problems, { rollouts, firstIndex = 0, starts, ...sampling }, signal) {
    const byId = new Map(problems.map((problem) => [problem.id, problem]));
    const prompts = problems.map((problem) => ({
      key: problem.id,
      prompt: promptOf(engine, problem, starts?.get(problem.id)),
      count: rollouts,
      firstIndex,
    }));
    const done = new Map(prompts.map(({ key }) => [key, pending?.begin(`decoding ${key}`)]));
    const left = new Map(prompts.map(({ key, count }) => [key, count]));
    try {
      for await (const { key, index, transcript } of completionsOf(
        engine.sampler.sample({ prompts, ...sampling }, signal),
      )) {
        const remaining = left.get(key)! - 1;
        left.set(key, remaining);
        if (remaining === 0) done.get(key)?.();
        const problem = byId.get(key);
        if (problem !== undefined) yield { problem, index, transcripts: [transcript] };
      }
    } finally {
      for (const end of done.values()) end?.();
    }
  },
};

/** Returns the prompt, followed by the start of the answer if there is one. */
function promptOf(
  { renderer, sampler }: StrategyParts['engine'],
  { id, prompt }: Problem,
  start: Start | undefined,
): SamplePrompt['prompt'] {
  if (start === undefined) return prompt;
  if (renderer !== undefined) return startTranscript(givenTranscript(prompt, renderer.render(prompt)), start);
  throw new ConfigError(
    `problem ${id}: expected an engine that can continue an attempt from its start tokens, got "${sampler.info.engine}", which has no tokenizer; use starts: prompt() or another engine`,
  );
}
