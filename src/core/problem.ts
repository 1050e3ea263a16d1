import type { ImagePart } from './image.ts';

/** One message of a conversation, in the form that chat templates read. */
export interface Message {
  /** `tool`: the result of a call in the previous message. */
  readonly role: 'system' | 'user' | 'assistant' | 'tool';
  readonly content: string;
  /** The images to which the `<image>` placeholders in `content` refer, in order. */
  readonly images?: readonly ImagePart[];
}

/** Tests that a program must pass. Importers of other formats convert to this form. */
export type ProblemTests = (
  | {
      /** Call `entryPoint` with each `arguments` list and compare its return value. */
      readonly type: 'function';
      readonly language: 'javascript' | 'python';
      readonly entryPoint: string;
      readonly cases: readonly {
        readonly arguments: readonly unknown[];
        readonly expected: unknown;
        /** Other correct results. */
        readonly alsoAccepted?: readonly unknown[];
      }[];
    }
  | {
      /** Run the program once per case and compare its output. */
      readonly type: 'stdio';
      readonly language: 'javascript' | 'python';
      readonly cases: readonly { readonly input: string; readonly output: string }[];
      /**
       * How to compare output. `text` (default): exactly, except for white space at line ends and trailing blank lines.
       * `numbers`: line by line, trimmed, with lines of numbers compared number by number, as in LiveCodeBench.
       */
      readonly comparison?: 'text' | 'numbers';
      /**
       * Python source that replaces the comparison. It defines `check(input, expected, printed)`, or is a program that runs
       * as `checker.py input.txt correct_output.txt output.txt` and prints 1 or 0.
       */
      readonly checker?: string;
    }
  | {
      /**
       * Run each string of `tests` as code, after `setup`, with the program's `entryPoint` in scope. A test
       * that raises an error fails.
       */
      readonly type: 'asserts';
      readonly language: 'python';
      readonly setup: string;
      readonly entryPoint: string;
      readonly tests: readonly string[];
      /** Prefix for programs that do not define `entryPoint`: the code that the prompt asks the model to continue. */
      readonly opening?: string;
    }
) &
  TestRules;

/** Test settings of one problem. The verifier's configuration supplies missing settings. */
export interface TestRules {
  /** Prefix for every program: imports and helpers that the prompt promises. */
  readonly preamble?: string;
  /** CPU time limit for loading the program, and for each test, in milliseconds. */
  readonly maxCpuMs?: number;
  readonly maxMemoryBytes?: number;
  /**
   * Allowed error of a number; meeting either bound is enough. Absent: no error allowed. Two integers must always be
   * equal.
   */
  readonly tolerance?: { readonly absolute: number; readonly relative: number };
}

/**
 * A model's pass rate as published with the problem. It costs nothing, but does not replace a measurement with the
 * model being trained.
 */
export interface StatedPassRate {
  readonly model: string;
  readonly successes: number;
  /** At least 1. */
  readonly trials: number;
}

/**
 * An item with a checkable answer.
 *
 * @example
 * const problem: Problem = {
 *   id: 'linear-equation/2/train/17', domain: 'math', family: 'linear-equation', knob: 2,
 *   prompt: [{ role: 'user', content: '3x+5=20. x=?' }], answer: '5', source: 'generated',
 * };
 */
export interface Problem {
  /** Unique within a run and stable across runs: pass rates are stored by id. */
  readonly id: string;
  /** Kind of verification, e.g. `math` or `code`. Recipes choose verifiers and mixes by it. */
  readonly domain: string;
  /** Topic or generator within the domain. */
  readonly family?: string;
  /** Difficulty setting of the generator, 1 = easiest. A guess made in advance, not a pass rate. */
  readonly knob?: number;
  readonly prompt: readonly Message[];
  /** Other prompts that ask the same question, with the same gold answer or tests. */
  readonly wordings?: readonly (readonly Message[])[];
  /** Gold answer, for problems whose answer is compared. */
  readonly answer?: string;
  /** Tests, for problems whose answer is a program. */
  readonly tests?: ProblemTests;
  /** Where the problem comes from: a file, a data set name, or `generated`. */
  readonly source: string;
  readonly licence?: string;
  /** Published pass rates, one per model. */
  readonly passRates?: readonly StatedPassRate[];
  /** Worked solution for supervised learning; never passed to a verifier. */
  readonly solution?: string;
  /** Other fields of the source, passed through unchanged. */
  readonly extra?: Readonly<Record<string, unknown>>;
}

/** Returns all prompts of a problem: its own, then its other wordings. */
export const promptsOf = ({
  prompt,
  wordings = [],
}: Pick<Problem, 'prompt' | 'wordings'>): readonly (readonly Message[])[] => [prompt, ...wordings];
