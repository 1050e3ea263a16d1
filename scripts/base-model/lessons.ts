import { createRng, type Rng } from '../../src/core/rng.ts';
import { families } from '../../src/problems/families/catalogue.ts';
import type { Family, Question } from '../../src/problems/families/family.ts';
import { splitOf } from '../../src/problems/generated-source.ts';
import type { SupervisedExample } from '../../src/supervised/supervised.ts';

/** Problem families that the model is trained on; it never sees the others. */
const taught =
  'addition subtraction multiplication brackets linear-equation remainder sequences word-problems ' +
  'linear-function max-min two-arguments quadratic conditional described-steps';
export const taughtFamilies: readonly Family[] = families.filter(({ name }) =>
  taught.split(' ').includes(name),
);

/** Share of each style of solution; the shares add up to 1. */
export interface Care {
  /** The family's worked solution, unchanged. */
  readonly careful: number;
  /** Only the answer, without the scratch work. */
  readonly hasty: number;
  /** A solution with one wrong digit. */
  readonly slip: number;
}

/** Draws worked solutions of the trained families, only from the train split, with more easy than hard settings. */
export function drawLessons(count: number, care: Care, seed: number): SupervisedExample[] {
  const rng = createRng(seed, 'lessons', care.careful);
  return Array.from({ length: count }, () => {
    const { question, solution } = drawQuestion(rng);
    return { prompt: [{ role: 'user', content: question }], completion: withCare(solution, care, rng) };
  });
}

function drawQuestion(rng: Rng): Question {
  const family = rng.pick(taughtFamilies);
  const knob = Math.min(rng.integer(1, family.knobs), rng.integer(1, family.knobs));
  const drawn = family.generate(rng, knob);
  return splitOf(drawn.question) === 'train' ? drawn : drawQuestion(rng);
}

function withCare(solution: string, care: Care, rng: Rng): string {
  const mood = rng.next();
  if (mood < care.careful) return solution;
  const bare = solution.replace(/^.*;(?=\\boxed)/, '').replace(/^\/\*.*\*\//, '');
  if (mood < care.careful + care.hasty && bare !== solution) return bare;
  return withSlip(solution, rng);
}

function withSlip(solution: string, rng: Rng): string {
  const digits = [...solution.matchAll(/\d/g)];
  if (digits.length === 0) return solution;
  const { index, 0: digit } = rng.pick(digits);
  const wrong = (Number(digit) + rng.integer(1, 9)) % 10;
  return `${solution.slice(0, index)}${wrong}${solution.slice(index + 1)}`;
}
