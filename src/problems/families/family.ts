import type { ProblemTests } from '../../core/problem.ts';
import type { Rng } from '../../core/rng.ts';

/** A generated question with its gold or tests and a worked solution. */
export interface Question {
  /** Text of the question, short and plain; it alone determines the split. */
  readonly question: string;
  readonly answer?: string;
  readonly tests?: ProblemTests;
  /** Worked solution: scratch work first, then `\boxed{…}` or a JavaScript function. */
  readonly solution: string;
}

/**
 * A generator of problems of one kind, from easy to hard.
 *
 * @example
 * addition.generate(createRng(0), 3); // { question: '17+25=?', answer: '42', solution: '24;\\boxed{42}' }
 */
export interface Family {
  readonly name: string;
  readonly domain: 'math' | 'code';
  /** Number of difficulty settings; 1 is the easiest. A setting is an estimate of difficulty, not a pass rate. */
  readonly knobs: number;
  /** Draws a question. `knob` is a whole number in [1, knobs]. */
  generate(rng: Rng, knob: number): Question;
}

/**
 * Creates a family whose answers are compared with a gold: `generate` returns question, scratch work and answer for one
 * of the `knobs`.
 */
export function mathFamily<const Knob>(family: {
  readonly name: string;
  readonly knobs: readonly Knob[];
  readonly generate: (rng: Rng, knob: Knob) => { question: string; work: string; answer: string | number };
}): Family {
  return {
    name: family.name,
    domain: 'math',
    knobs: family.knobs.length,
    generate(rng, knob) {
      const { question, work, answer } = family.generate(rng, settingOf(family, knob));
      return { question, answer: String(answer), solution: `${work};\\boxed{${answer}}` };
    },
  };
}

/** A drawn function of one or two whole numbers, with its question and its solution. */
export interface FunctionQuestion {
  readonly question: string;
  /** Scratch work for the comment before the function; empty for none. */
  readonly work: string;
  /** The expression the function returns, in `x` or in `x` and `y`. */
  readonly body: string;
  /** The function itself, for the expected values of the tests. */
  readonly compute: (x: number, y: number) => number;
  readonly parameters: 1 | 2;
  /** Largest argument in the hidden tests, which draw each argument from 0 up to this value. Default 12. */
  readonly largestArgument?: number;
}

const hiddenTests = 8;

/** Creates a family whose answers are JavaScript functions, judged by hidden tests. */
export function codeFamily<const Knob>(family: {
  readonly name: string;
  readonly knobs: readonly Knob[];
  readonly generate: (rng: Rng, knob: Knob) => FunctionQuestion;
}): Family {
  return {
    name: family.name,
    domain: 'code',
    knobs: family.knobs.length,
    generate(rng, knob) {
      const drawn = family.generate(rng, settingOf(family, knob));
      const comment = drawn.work === '' ? '' : `/*${drawn.work}*/`;
      const solution = `${comment}${drawn.parameters === 1 ? 'x' : '(x,y)'}=>${drawn.body}`;
      return { question: drawn.question, tests: testsOf(rng, drawn), solution };
    },
  };
}

function testsOf(rng: Rng, drawn: FunctionQuestion): ProblemTests {
  const argument = (): number => rng.integer(0, drawn.largestArgument ?? 12);
  const cases = Array.from({ length: hiddenTests }, () => {
    const [x, y] = [argument(), argument()];
    return { arguments: drawn.parameters === 1 ? [x] : [x, y], expected: drawn.compute(x, y) };
  });
  return { type: 'function', language: 'javascript', entryPoint: 'f', cases };
}

function settingOf<Knob>(family: { name: string; knobs: readonly Knob[] }, knob: number): Knob {
  const setting = family.knobs[knob - 1];
  if (setting === undefined)
    throw new RangeError(`${family.name}: expected a knob from 1 to ${family.knobs.length}, got ${knob}`);
  return setting;
}
