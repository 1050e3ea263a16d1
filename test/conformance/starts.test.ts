import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { RunError } from '../../src/core/errors.ts';
import { uniformAt } from '../../src/core/rng.ts';
import { createStarts, startsConfig } from '../../src/curriculum/starts/create-starts.ts';
import { prompt } from '../../src/curriculum/starts/prompt.ts';
import { restart } from '../../src/curriculum/starts/restart.ts';
import { reveal } from '../../src/curriculum/starts/reveal.ts';
import type { StartChoice, StartOutcome, StartProblem, Starts } from '../../src/curriculum/starts/starts.ts';

/** All kinds of starts; the same requirements apply to each. */

const all: readonly { readonly name: string; readonly input: Parameters<typeof startsConfig.parse>[0] }[] = [
  { name: 'prompt', input: prompt() },
  { name: 'reveal follow', input: reveal({ promptShare: 0.3 }) },
  { name: 'reveal shortest', input: reveal({ rule: 'shortest', maxShare: 0.5 }) },
  { name: 'reveal likelihood', input: reveal({ rule: 'likelihood', maxShare: 0.5 }) },
  { name: 'restart incorrect', input: restart({ share: 0.8, backtrack: 3 }) },
  { name: 'restart both', input: restart({ from: 'both', share: 1, maxProblems: 5 }) },
];

const poolOf = (size: number): StartProblem[] =>
  Array.from({ length: size }, (_, i) => ({
    id: `p${i}`,
    measured: { successes: i % 3 === 1 ? 2 : 0, trials: i % 4 === 3 ? 0 : 8 },
    hasSolution: i % 5 !== 4,
  }));

/** Makes up an outcome; the tokens of an attempt identify its problem. */
function outcomeOf(problemId: string, { kind }: StartChoice, seed: number, step: number): StartOutcome {
  const number = Number(problemId.slice(1));
  const successes = Math.floor(5 * uniformAt(seed, step, number));
  const isWhole = kind === 'prompt';
  return {
    problemId,
    kind: kind === 'likelihood' ? 'solution' : kind,
    successes,
    trials: 4,
    attempts: isWhole ? [{ tokens: [number, step, successes], isCorrect: successes > 1 }] : [],
  };
}

/** Returns whether a choice is valid for the i-th problem of a pool. */
function fits(choice: StartChoice, i: number, size: number): boolean {
  switch (choice.kind) {
    case 'prompt':
      return true;
    case 'solution':
      return poolOf(size)[i]!.hasSolution && choice.share > 0 && choice.share <= 1;
    case 'likelihood':
      return poolOf(size)[i]!.hasSolution && choice.maxShare === 0.5 && Number.isFinite(choice.correction);
    case 'correct':
    case 'incorrect': {
      const [problem, , successes] = choice.attempt;
      return problem === i && successes! > 1 === (choice.kind === 'correct') && choice.steps >= 1;
    }
  }
}

/** Runs steps over the complete pool; returns the choices of each step. */
function play(starts: Starts, size: number, seed: number, from: number, to: number): StartChoice[][] {
  const ids = [...poolOf(size).map(({ id }) => id), 'of-another-stage'];
  return Array.from({ length: to - from }, (_, i) => {
    const choices = starts.choose(ids);
    expect(starts.choose(ids)).toEqual(choices);
    starts.observe(ids.map((id, at) => outcomeOf(id, choices[at]!, seed, from + i)));
    return choices;
  });
}

const shape = fc.record({ size: fc.integer({ min: 1, max: 20 }), seed: fc.integer({ min: 0, max: 1e6 }) });

describe.each(all)('$name', ({ input }) => {
  const make = (size: number, seed: number): Starts =>
    createStarts(startsConfig.parse(input), poolOf(size), seed);

  test('chooses a valid start for each problem of the pool, and the prompt for other problems', () => {
    fc.assert(
      fc.property(shape, ({ size, seed }) => {
        for (const choices of play(make(size, seed), size, seed, 0, 8)) {
          expect(choices.length).toBe(size + 1);
          expect(choices.at(-1)).toEqual({ kind: 'prompt' });
          expect(choices.slice(0, size).filter((choice, i) => !fits(choice, i, size))).toEqual([]);
        }
      }),
      { numRuns: 30 },
    );
  });

  test('repeats its choices for the same pool, seed and outcomes', () => {
    fc.assert(
      fc.property(shape, ({ size, seed }) => {
        expect(play(make(size, seed), size, seed, 0, 8)).toEqual(play(make(size, seed), size, seed, 0, 8));
      }),
      { numRuns: 20 },
    );
  });

  test('continues after save and restore at any step as if never interrupted, even through JSON', () => {
    fc.assert(
      fc.property(shape, fc.integer({ min: 0, max: 7 }), ({ size, seed }, stop) => {
        const whole = make(size, seed);
        const choices = play(whole, size, seed, 0, 8);
        const first = make(size, seed);
        play(first, size, seed, 0, stop);
        const second = make(size, seed);
        second.restore(JSON.parse(JSON.stringify(first.save())));
        expect(play(second, size, seed, stop, 8)).toEqual(choices.slice(stop));
        expect(second.save()).toEqual(whole.save());
        expect(second.metrics()).toEqual(whole.metrics());
      }),
      { numRuns: 30 },
    );
  });

  test('reports finite metrics and rejects a foreign state', () => {
    const starts = make(9, 3);
    play(starts, 9, 3, 0, 6);
    expect(Object.values(starts.metrics()).every(Number.isFinite)).toBe(true);
    expect(() => starts.restore({ unknown: 1 })).toThrow(RunError);
  });
});
