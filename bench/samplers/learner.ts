import { createRng, hashKey, type Rng } from '../../src/core/rng.ts';
import { createSampler, samplerConfig } from '../../src/curriculum/samplers/create-sampler.ts';
import type { PoolProblem, ProblemOutcome } from '../../src/curriculum/samplers/problem-sampler.ts';
import { noTrials } from '../../src/difficulty/pass-rates/trials.ts';
import { mean, sum } from '../../src/statistics/summary.ts';
import { normal } from './policies.ts';

/*
 * A policy that learns without a language model: chains of Bernoulli skills. A rollout succeeds if every skill of its
 * problem succeeds; skills share a few parameters, which learn by group-relative gradients with Adam and gradient
 * noise. It ranks samplers; its figures do not apply to language models.
 */

const groupSize = 8;
const [families, chain, width] = [8, 6, 24];
const skills = families * chain + families;
const formatOf = (family: number): number => families * chain + family;
const sigmoid = (z: number): number => 1 / (1 + Math.exp(-z));

/** Properties of a pool of 1,500 problems. */
export interface Regime {
  readonly name: string;
  /** Share of problems that can be solved at all. */
  readonly share?: number;
  /** Share of problems judged by a coin flip, in separate families or spread over all. */
  readonly coins?: number;
  readonly areCoinsSpread?: boolean;
  /** True if one family fails at first because of its answer format. */
  readonly hasFormatTrap?: boolean;
}

interface Chain {
  readonly family: number;
  readonly length: number;
  /** Difficulty of its last link, in addition to that of the skill. */
  readonly offset: number;
  readonly kind: 'learnable' | 'impossible' | 'coin';
}

/** Skills, their shared parameters and the optimizer's moments. */
class Learner {
  readonly #directions: Float64Array[];
  readonly #biases: Float64Array;
  readonly #weights = new Float64Array(width);
  readonly #first = new Float64Array(width);
  readonly #second = new Float64Array(width);
  readonly #random: Rng;
  #updates = 0;

  constructor(random: Rng, hasFormatTrap: boolean) {
    this.#random = random;
    const unit = (): number[] => {
      const values = Array.from({ length: width }, () => normal(random));
      const length = Math.hypot(...values);
      return values.map((value) => value / length);
    };
    const common = unit();
    this.#directions = Array.from({ length: skills }, () =>
      Float64Array.from(unit(), (value, d) => Math.sqrt(0.3) * common[d]! + Math.sqrt(0.7) * value),
    );
    this.#biases = Float64Array.from({ length: skills }, (_, skill) =>
      skill < families * chain ? 1.2 - 0.9 * (skill % chain) + 0.3 * normal(random) : 2,
    );
    if (!hasFormatTrap) return;
    this.#biases[formatOf(0)] = -5;
    for (let link = 0; link < chain; link++) this.#biases[link]! += 2.5;
  }

  /** Returns the probability that each skill of a problem succeeds: those of its chain, then its format. */
  rates({ family, length, offset }: Chain): { skill: number; rate: number }[] {
    const links = Array.from({ length }, (_, link) => family * chain + link);
    return [...links, formatOf(family)].map((skill, at) => ({
      skill,
      rate: sigmoid(this.#logit(skill) + (at === length - 1 ? offset : 0)),
    }));
  }

  /** Rolls out a group per problem and takes one step on them. */
  step(problems: readonly Chain[], learningRate: number): Omit<ProblemOutcome, 'problemId'>[] {
    const gradient = new Float64Array(skills);
    let squares = 0;
    const outcomes = problems.map((problem) => {
      const rates = this.rates(problem);
      const rollouts = Array.from({ length: groupSize }, () => this.#roll(problem, rates));
      const rate = mean(rollouts.map(({ isCorrect }) => Number(isCorrect)));
      const deviation = Math.sqrt(rate * (1 - rate));
      for (const { isCorrect, succeeded } of deviation > 0 ? rollouts : []) {
        const advantage = (Number(isCorrect) - rate) / deviation;
        squares += advantage ** 2;
        for (const [at, { skill, rate: expected }] of rates.entries())
          gradient[skill]! += advantage * (Number(succeeded[at]) - expected);
      }
      return outcomeOf(problem, rollouts, deviation);
    });
    this.#update(gradient, Math.sqrt(squares), problems.length * groupSize, learningRate);
    return outcomes;
  }

  #logit(skill: number): number {
    const direction = this.#directions[skill]!;
    return this.#weights.reduce((total, weight, d) => total + weight * direction[d]!, this.#biases[skill]!);
  }

  #roll({ kind }: Chain, rates: readonly { rate: number }[]): Attempt {
    const succeeded = rates.map(({ rate }) => this.#random.next() < rate);
    if (kind === 'coin') return { succeeded, isCorrect: this.#random.next() < 0.5 };
    return { succeeded, isCorrect: kind === 'learnable' && succeeded.every(Boolean) };
  }

  #update(gradient: Float64Array, noise: number, rollouts: number, learningRate: number): void {
    this.#updates++;
    for (let d = 0; d < width; d++) {
      const exact = this.#directions.reduce(
        (total, direction, skill) => total + direction[d]! * gradient[skill]!,
        0,
      );
      const slope = (exact + noise * normal(this.#random)) / rollouts;
      this.#first[d] = 0.9 * this.#first[d]! + 0.1 * slope;
      this.#second[d] = 0.98 * this.#second[d]! + 0.02 * slope ** 2;
      const step = this.#first[d]! / (1 - 0.9 ** this.#updates);
      this.#weights[d]! +=
        (learningRate * step) / (Math.sqrt(this.#second[d]! / (1 - 0.98 ** this.#updates)) + 1e-8);
    }
  }
}

interface Attempt {
  readonly succeeded: readonly boolean[];
  readonly isCorrect: boolean;
}

function outcomeOf(
  { kind }: Chain,
  rollouts: readonly Attempt[],
  deviation: number,
): Omit<ProblemOutcome, 'problemId'> {
  const correct = rollouts.filter(({ isCorrect }) => isCorrect).length;
  const isFormat = ({ isCorrect, succeeded }: Attempt): boolean => !isCorrect && succeeded.at(-1) === false;
  const unparsed = kind === 'learnable' ? rollouts.filter(isFormat).length : 0;
  const verdicts = {
    correct,
    incorrect: groupSize - correct - unparsed,
    unparsed,
    timeout: 0,
    ungradable: 0,
  };
  const meanAbsAdvantage = 2 * deviation;
  return {
    successes: correct,
    trials: groupSize,
    meanAbsAdvantage,
    verdicts,
    truncated: 0,
    tokens: 10 * groupSize,
  };
}

/** Trains with 40,000 rollouts; returns the accuracy on 600 held-out problems, as the mean of the last three of 20
 * evaluations. */
export function learn(
  regime: Regime,
  sampling: Parameters<typeof samplerConfig.parse>[0],
  seed: number,
  budget = 40_000,
): number {
  const random = createRng(seed, 'learner');
  const learner = new Learner(random, regime.hasFormatTrap ?? false);
  const draw = (kind: Chain['kind']): Chain => ({
    family: random.integer(0, families - 1),
    length: random.integer(1, chain),
    offset: 0.6 * normal(random),
    kind,
  });
  const problems = Array.from({ length: 1500 }, (_, i) => draw(kindOf(regime, (i + 0.5) / 1500)));
  const heldOut = Array.from({ length: 600 }, () => draw('learnable'));
  const pool = problems.map((problem, i) => poolProblem(problem, i, regime));
  const config = samplerConfig.parse(sampling);
  const sampler = createSampler(config, pool, hashKey(seed, 'sampler'), groupSize);
  const steps = Math.round(budget / (32 * groupSize));
  const scores: number[] = [];
  for (let step = 0; step < steps; step++) {
    const ids = sampler.choose(32, step);
    const outcomes = learner.step(
      ids.map((id) => problems[Number(id)]!),
      0.012,
    );
    sampler.observe(outcomes.map((outcome, at) => ({ problemId: ids[at]!, ...outcome })));
    const isLate = step + 1 === steps || [0.9, 0.95].some((share) => step + 1 === Math.round(share * steps));
    if (isLate) scores.push(mean(heldOut.map((problem) => product(learner.rates(problem)))));
  }
  return sum(scores) / scores.length;
}

function kindOf({ share = 1, coins = 0 }: Regime, place: number): Chain['kind'] {
  if (place < coins) return 'coin';
  return place < coins + share * (1 - coins) ? 'learnable' : 'impossible';
}

function poolProblem({ family, length, kind }: Chain, i: number, { areCoinsSpread }: Regime): PoolProblem {
  const shown = kind === 'coin' && areCoinsSpread === true ? 'learnable' : kind;
  const origin = { family: `${shown}-${family}`, knob: length, source: 'generated' };
  return { id: String(i), domain: 'math', levels: [], measured: noTrials, ...origin };
}

const product = (rates: readonly { rate: number }[]): number =>
  rates.reduce((total, { rate }) => total * rate, 1);

/** Pools in which selection pays off, and pools in which it misleads. */
export const regimes: readonly Regime[] = [
  { name: 'all within reach' },
  { name: '10 % within reach', share: 0.1 },
  { name: '2 % within reach', share: 0.02 },
  { name: '30 % judged by chance', coins: 0.3 },
  { name: '60 % judged by chance', coins: 0.6 },
  { name: '30 % judged by chance, spread', coins: 0.3, areCoinsSpread: true },
  { name: 'a format trap', hasFormatTrap: true },
];
