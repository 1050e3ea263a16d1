import { createRng } from '../../src/core/rng.ts';
import { auto } from '../../src/curriculum/samplers/auto.ts';
import { createSampler, samplerConfig } from '../../src/curriculum/samplers/create-sampler.ts';
import type { PoolProblem, ProblemOutcome } from '../../src/curriculum/samplers/problem-sampler.ts';
import { noTrials } from '../../src/difficulty/pass-rates/trials.ts';
import { quantile } from '../../src/statistics/summary.ts';

const [batch, groupSize, families, knobs] = [32, 8, 50, 10];

/** Cost of a step of `auto()` for a pool. */
export interface Size {
  readonly problems: number;
  readonly megabytes: number;
  /** Milliseconds of `choose` and `observe`: median and maximum over the steps. */
  readonly choose: readonly [median: number, most: number];
  readonly observe: readonly [median: number, most: number];
}

/**
 * Runs `auto()` on a pool of 50 families with 10 knobs and measures its saved state and its times. One family fails
 * because of its format, so that all rules apply. The first steps, in which code is compiled, do not count.
 */
export function measureSize(problems: number, steps: number): Size {
  const pool = Array.from({ length: problems }, (_, i): PoolProblem => ({
    id: String(i),
    domain: 'math',
    levels: [],
    measured: noTrials,
    family: `family-${i % families}`,
    knob: 1 + (Math.floor(i / families) % knobs),
    source: 'generated',
  }));
  const sampler = createSampler(samplerConfig.parse(auto()), pool, 1, groupSize);
  const random = createRng(1, 'size');
  const times: { choose: number; observe: number }[] = [];
  for (let step = 0; step < steps; step++) {
    const started = performance.now();
    const ids = sampler.choose(batch, step);
    const chosen = performance.now();
    sampler.observe(ids.map((id) => outcomeOf(id, pool[Number(id)]!, random.next())));
    times.push({ choose: chosen - started, observe: performance.now() - chosen });
  }
  const late = times.slice(5);
  const ofTimes = (name: 'choose' | 'observe'): readonly [number, number] => {
    const values = late.map((one) => one[name]);
    return [quantile(values, 0.5), Math.max(...values)];
  };
  const bytes = Buffer.byteLength(JSON.stringify(sampler.save()));
  return { problems, megabytes: bytes / 1e6, choose: ofTimes('choose'), observe: ofTimes('observe') };
}

function outcomeOf(problemId: string, { family, knob }: PoolProblem, chance: number): ProblemOutcome {
  const unparsed = family === 'family-0' ? groupSize : 0;
  const correct = unparsed > 0 ? 0 : Math.min(groupSize, Math.floor((chance * 12) / knob!));
  const incorrect = groupSize - correct - unparsed;
  return {
    problemId,
    successes: correct,
    trials: groupSize,
    meanAbsAdvantage: correct > 0 && correct < groupSize ? 0.8 : 0,
    verdicts: { correct, incorrect, unparsed, timeout: 0, ungradable: 0 },
    truncated: 0,
    tokens: 10 * groupSize,
  };
}
