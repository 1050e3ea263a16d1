import type { Problem } from '../../src/core/problem.ts';
import { createRng, type Rng } from '../../src/core/rng.ts';
import type { SupervisedExample } from '../../src/supervised/supervised.ts';
import type { Verifier } from '../../src/verifiers/verifier.ts';

/*
 * Search and check: from a start digit, reach a target digit by two operations modulo 10. An attempt is a list of tries
 * such as `3+4=7*2=4:7-4=3n;`, where `7-4=3n` subtracts the result from the target and notes a failure. An attempt is
 * correct if its last try reaches the target. A try drawn at random does so in about one of ten cases, so what helps is
 * to go on after a failed check instead of ending the attempt.
 */

/** Text that ends a try. */
export const separator = ';';
/** Mark at the beginning of a try that follows a failed one. */
export const mark = '%';

/** Share of failed tries after which a demonstration goes on. */
const goesOnShare = 0.3;
/** Share of tries in the demonstrations that reach the target; with fewer, the model does not learn to compare. */
const hitShare = 0.35;
const maxTries = 5;
const heldOutShare = 0.25;
const splitSeed = 3;

const operators = ['+', '-', '*'] as const;
type Operator = (typeof operators)[number];

const apply = (x: number, operator: Operator, y: number): number =>
  (operator === '+' ? x + y : operator === '-' ? x - y + 10 : x * y) % 10;

/** Returns all pairs of different digits as problems, of which a fixed share is held out. */
export function searchProblems(split: 'train' | 'held-out'): Problem[] {
  const rng = createRng(splitSeed, 'search-and-check');
  const digits = Array.from({ length: 10 }, (_, digit) => digit);
  const pairs = digits.flatMap((start) =>
    digits.filter((target) => target !== start).map((target) => ({ start, target })),
  );
  return pairs
    .filter(() => rng.next() < heldOutShare === (split === 'held-out'))
    .map(({ start, target }) => ({
      id: `search/${start}/${target}`,
      domain: 'math',
      prompt: [{ role: 'user', content: `${start}>${target}` }],
      answer: `${start} ${target}`,
      source: 'bench',
    }));
}

/** Draws demonstrations: tries at random, most of which give up after the first failed check. */
export function demonstrations(problems: readonly Problem[], count: number): SupervisedExample[] {
  const rng = createRng(splitSeed, 'demonstrations');
  return Array.from({ length: count }, () => {
    const problem = problems[rng.integer(0, problems.length - 1)]!;
    return { prompt: problem.prompt, completion: demonstrate(digitsOf(problem), rng) };
  });
}

function demonstrate({ start, target }: Digits, rng: Rng): string {
  let text = '';
  for (let at = 0; at < maxTries; at++) {
    const wantsHit = rng.next() < hitShare;
    let drawn = drawTry(start, rng);
    while ((drawn.end === target) !== wantsHit) drawn = drawTry(start, rng);
    const { text: operations, end } = drawn;
    const isHit = end === target;
    const check = `${target}-${end}=${apply(target, '-', end)}${isHit ? 'y' : 'n'}`;
    text += `${at > 0 ? mark : ''}${operations}:${check}${separator}`;
    if (isHit || rng.next() >= goesOnShare) break;
  }
  return text;
}

/** Draws two operations; returns them with their results. */
function drawTry(start: number, rng: Rng): { readonly text: string; readonly end: number } {
  const [first, second] = [operators[rng.integer(0, 2)]!, operators[rng.integer(0, 2)]!];
  const [a, b] = [rng.integer(1, 9), rng.integer(1, 9)];
  const middle = apply(start, first, a);
  const end = apply(middle, second, b);
  return { text: `${start}${first}${a}=${middle}${second}${b}=${end}`, end };
}

interface Digits {
  readonly start: number;
  readonly target: number;
}

function digitsOf({ answer }: Problem): Digits {
  const [start, target] = answer!.split(' ').map(Number);
  return { start: start!, target: target! };
}

/** Returns whether each try of an attempt reaches the target; an unreadable or unfinished try does not. */
export function triesOf(problem: Problem, text: string): boolean[] {
  const { start, target } = digitsOf(problem);
  const tries = text.split(separator);
  // What follows the last separator is an unfinished try, or empty.
  if (tries.at(-1) === '') tries.pop();
  else tries[tries.length - 1] = '';
  return tries.map((one) => {
    const found = /^%?(\d)([+*-])(\d)=(\d)([+*-])(\d)=(\d):(\d)-(\d)=(\d)[yn]$/.exec(one);
    if (found === null) return false;
    const [, from, first, a, , second, b] = found;
    const middle = apply(Number(from), first as Operator, Number(a));
    return Number(from) === start && apply(middle, second as Operator, Number(b)) === target;
  });
}

/** Judges attempts by their last try. */
export const searchVerifier: Verifier = {
  name: 'search-and-check',
  version: '1',
  check: () => {},
  verify: async (problem, completion) => {
    const isCorrect = triesOf(problem, completion).at(-1) === true;
    return {
      outcome: isCorrect ? 'correct' : 'incorrect',
      score: Number(isCorrect),
      reason: '',
      verifier: 'search-and-check@1',
    };
  },
  [Symbol.asyncDispose]: async () => {},
};
