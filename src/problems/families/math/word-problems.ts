import type { Rng } from '../../../core/rng.ts';
import { mathFamily } from '../family.ts';

/**
 * `Ann has 5 pens, buys 3. total?`: one step at low knobs, then two. Scratch work: the calculation that the words
 * describe.
 */
export const wordProblems = mathFamily({
  name: 'word-problems',
  knobs: [
    (rng) => buyOrLose(rng, 9),
    (rng) => buyOrLose(rng, 49),
    (rng) => bags(rng, 9, 0),
    (rng) => share(rng),
    (rng) => buyThenLose(rng, 60),
    (rng) => bags(rng, 19, 30),
  ] satisfies ((rng: Rng) => Story)[],
  generate(rng, tell) {
    const { story, steps, answer } = tell(rng);
    return { question: story, work: steps.join('='), answer };
  },
});

interface Story {
  readonly story: string;
  readonly steps: readonly string[];
  readonly answer: number;
}

const person = (rng: Rng): string => rng.pick(['Ann', 'Tom']);
const things = (rng: Rng): string => rng.pick(['pens', 'eggs']);

function buyOrLose(rng: Rng, largest: number): Story {
  const [a, b] = [rng.integer(1, largest), rng.integer(1, largest)];
  if (rng.next() < 0.5) {
    return {
      story: `${person(rng)} has ${a} ${things(rng)}, buys ${b}. total?`,
      steps: [`${a}+${b}`],
      answer: a + b,
    };
  }
  const [more, fewer] = [Math.max(a, b), Math.min(a, b)];
  return {
    story: `${person(rng)} has ${more} ${things(rng)}, loses ${fewer}. left?`,
    steps: [`${more}-${fewer}`],
    answer: more - fewer,
  };
}

function buyThenLose(rng: Rng, largest: number): Story {
  const [a, b] = [rng.integer(5, largest), rng.integer(2, largest)];
  const c = rng.integer(1, a + b);
  return {
    story: `${person(rng)} has ${a} ${things(rng)}, buys ${b}, loses ${c}. left?`,
    steps: [`${a}+${b}-${c}`, `${a + b}-${c}`],
    answer: a + b - c,
  };
}

function share(rng: Rng): Story {
  const [each, bagCount] = [rng.integer(2, 12), rng.integer(2, 9)];
  const total = each * bagCount;
  return {
    story: `${person(rng)} has ${total} ${things(rng)} in ${bagCount} bags. each?`,
    steps: [`${total}/${bagCount}`],
    answer: each,
  };
}

function bags(rng: Rng, largest: number, largestLoss: number): Story {
  const [bagCount, each] = [rng.integer(2, 9), rng.integer(2, largest)];
  const total = bagCount * each;
  const opening = `${person(rng)} has ${bagCount} bags of ${each} ${things(rng)}`;
  if (largestLoss === 0)
    return { story: `${opening}. total?`, steps: [`${bagCount}*${each}`], answer: total };
  const loss = rng.integer(1, Math.min(largestLoss, total));
  return {
    story: `${opening}, loses ${loss}. left?`,
    steps: [`${bagCount}*${each}-${loss}`, `${total}-${loss}`],
    answer: total - loss,
  };
}
