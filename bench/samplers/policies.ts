import { readFileSync } from 'node:fs';
import { createRng, type Rng } from '../../src/core/rng.ts';
import type { PoolProblem } from '../../src/curriculum/samplers/problem-sampler.ts';
import { readTrace } from '../difficulty/data.ts';

/** A problem whose pass rate is known at every step of a stage. */
export interface KnownProblem {
  readonly family: string;
  readonly knob?: number;
  /** Pass rate of the policy at a step. */
  readonly rateAt: (step: number) => number;
  /** True if chance judges the problem: its groups are mixed but teach nothing. */
  readonly isCoin?: boolean;
}

/** A policy without a model: the pass rate of every problem at every step. */
export interface Policy {
  readonly name: string;
  readonly problems: (seed: number) => KnownProblem[];
}

const families = Array.from({ length: 8 }, (_, i) => `family-${i}`);
const knobs = [1, 2, 3, 4, 5, 6];
const sigmoid = (z: number): number => 1 / (1 + Math.exp(-z));

/** Makes problems of every family and knob, whose log-odds are normally distributed within a cell. */
function grid(
  seed: number,
  count: number,
  logit: (knob: number, family: number, step: number) => number,
): KnownProblem[] {
  const random = createRng(seed, 'grid');
  return Array.from({ length: count }, (_, i) => {
    const family = i % families.length;
    const knob = knobs[Math.floor(i / families.length) % knobs.length]!;
    const offset = 0.7 * normal(random);
    const rateAt = (step: number): number => sigmoid(logit(knob, family, step) + offset);
    return { family: families[family]!, knob, rateAt };
  });
}

/** Makes a frozen policy: `share` of the pool is within reach, in separate cells; the rest is solved 1 time in
 * 1,000. */
function frozen(name: string, share: number): Policy {
  const problems = (seed: number): KnownProblem[] => {
    const live = Math.round(1500 * share);
    return [
      ...grid(seed, live, (knob) => 1 - 0.5 * knob),
      ...grid(seed + 1, 1500 - live, () => -7).map((problem) => ({ ...problem, knob: problem.knob! + 6 })),
    ];
  };
  return { name, problems };
}

const balanced: Policy = {
  name: 'frozen, balanced',
  problems: (seed) => grid(seed, 1500, (knob, family) => 2.5 - knob + (family - 3.5) / 3),
};

const drifting: Policy = {
  name: 'drifting, easy to hard',
  problems: (seed) => grid(seed, 1500, (knob, _, step) => 1.5 - 2 * knob + 0.12 * step),
};

/** A learning policy with a third of the families judged by a coin flip flip. */
const lottery: Policy = {
  name: 'drifting, 3 of 8 families judged by chance',
  problems: (seed) =>
    grid(seed, 1500, (knob, family, step) => (family < 3 ? -3 : 1.5 - 1.5 * knob + 0.08 * step)).map(
      (problem) =>
        ['family-0', 'family-1', 'family-2'].includes(problem.family)
          ? { ...problem, rateAt: () => 0.5, isCoin: true }
          : problem,
    ),
};

/** Returns the cell means of a run of `recipes/uniform` (seed 0) on held-out problems, interpolated linearly between
 * evaluations. */
function recordedDemo(): Policy {
  const { every, cells } = JSON.parse(readFileSync(new URL('./demo-run.json', import.meta.url), 'utf8')) as {
    every: number;
    cells: { family: string; knob: number; rates: number[] }[];
  };
  const rateOf = (rates: readonly number[], step: number): number => {
    const place = Math.min(rates.length - 1, step / every);
    const [low, high] = [rates[Math.floor(place)]!, rates[Math.ceil(place)]!];
    return Math.min(0.98, Math.max(0.01, low + (high - low) * (place % 1)));
  };
  return {
    name: 'recorded, the demo’s model',
    problems: (seed) => {
      const random = createRng(seed, 'demo run');
      return Array.from({ length: 1500 }, (_, i) => {
        const { family, knob, rates } = cells[i % cells.length]!;
        const offset = normal(random);
        const rateAt = (step: number): number => {
          const mean = rateOf(rates, step);
          return sigmoid(Math.log(mean / (1 - mean)) + offset);
        };
        return { family, knob, rateAt };
      });
    },
  };
}

/** Returns a recorded GRPO run of Qwen2.5-Math-1.5B: means over five visits of each of 1,209 problems, with a visit
 * every three steps. */
function recordedTrace(path: string): Policy {
  const trace = readTrace(path);
  return {
    name: 'recorded, Qwen2.5-Math-1.5B',
    problems: () =>
      trace.map(({ visits }) => ({
        family: 'math',
        rateAt: (step) => {
          const at = Math.min(visits.length - 5, Math.floor(step / 3));
          return visits.slice(at, at + 5).reduce((sum, correct) => sum + correct, 0) / 40;
        },
      })),
  };
}

/** Returns every policy, including the recorded trace if its path is given. */
export function policies(trace: string | undefined): Policy[] {
  return [
    frozen('frozen, 5 % within reach', 0.05),
    balanced,
    drifting,
    lottery,
    recordedDemo(),
    ...(trace === undefined ? [] : [recordedTrace(trace)]),
  ];
}

const rateLevels = ['hard', 'medium', 'easy'];

/** Returns the pool that a stage would select: measured with four trials per problem at step 0, with levels based on
 * these trials. */
export function measuredPool(problems: readonly KnownProblem[], random: Rng): PoolProblem[] {
  return problems.map(({ family, knob, rateAt }, i) => {
    const successes = countSuccesses(rateAt(0), 4, random);
    const level = rateLevels[successes === 0 ? 0 : successes === 4 ? 2 : 1]!;
    const origin = { family, source: 'generated', ...(knob !== undefined && { knob }) };
    return { id: String(i), domain: 'math', levels: [level], measured: { successes, trials: 4 }, ...origin };
  });
}

/** Draws the number of successes of independent trials. */
export function countSuccesses(rate: number, trials: number, random: Rng): number {
  let successes = 0;
  for (let trial = 0; trial < trials; trial++) successes += Number(random.next() < rate);
  return successes;
}

/** Draws a standard normal number. */
export function normal(random: Rng): number {
  const radius = Math.sqrt(-2 * Math.log(random.next() + 2 ** -33));
  return radius * Math.cos(2 * Math.PI * random.next());
}
