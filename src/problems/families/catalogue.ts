import { chain } from './code/chain.ts';
import { conditional } from './code/conditional.ts';
import { describedSteps } from './code/described-steps.ts';
import { linearFunction } from './code/linear-function.ts';
import { maxMin } from './code/max-min.ts';
import { quadratic } from './code/quadratic.ts';
import { twoArguments } from './code/two-arguments.ts';
import type { Family } from './family.ts';
import { addition } from './math/addition.ts';
import { brackets } from './math/brackets.ts';
import { commonMultiple } from './math/common-multiple.ts';
import { counting } from './math/counting.ts';
import { fractions } from './math/fractions.ts';
import { greatestDivisor } from './math/greatest-divisor.ts';
import { linearEquation } from './math/linear-equation.ts';
import { multiplication } from './math/multiplication.ts';
import { numberBases } from './math/number-bases.ts';
import { remainder } from './math/remainder.ts';
import { sequences } from './math/sequences.ts';
import { subtraction } from './math/subtraction.ts';
import { wordProblems } from './math/word-problems.ts';

/** All families, math first. */
export const families: readonly Family[] = [
  addition,
  subtraction,
  multiplication,
  brackets,
  linearEquation,
  fractions,
  remainder,
  greatestDivisor,
  commonMultiple,
  sequences,
  numberBases,
  counting,
  wordProblems,
  linearFunction,
  maxMin,
  twoArguments,
  quadratic,
  conditional,
  describedSteps,
  chain,
];
