import { completionsOf } from '../../engines/engine.ts';
import type { RolloutStrategy } from './strategy.ts';

/** Writes each attempt in one turn, independently of the others. */
export const independent: RolloutStrategy = {
  async *roll({ engine, pending }, problems, { rollouts, firstIndex = 0, ...sampling }, signal) {
    const byId = new Map(problems.map((problem) => [problem.id, problem]));
    const prompts = problems.map(({ id, prompt }) => ({ key: id, prompt, count: rollouts, firstIndex }));
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
