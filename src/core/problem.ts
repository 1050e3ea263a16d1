/** One turn of a conversation, in the shape every chat template reads. */
export interface Message {
  readonly role: 'system' | 'user' | 'assistant';
  readonly content: string;
}

/** Tests a program must pass, in Gradus's own form; readers of other formats translate into it. */
export type ProblemTests = (
  | {
      /** Call `entryPoint` with each `arguments` list and compare what it returns. */
      readonly type: 'function';
      readonly language: 'javascript' | 'python';
      readonly entryPoint: string;
      readonly cases: readonly {
        readonly arguments: readonly unknown[];
        readonly expected: unknown;
        /** Results that are right too. */
        readonly alsoAccepted?: readonly unknown[];
      }[];
    }
  | {
      /** Run the program once per case and compare what it prints. */
      readonly type: 'stdio';
      readonly language: 'javascript' | 'python';
      readonly cases: readonly { readonly input: string; readonly output: string }[];
      /**
       * How output is compared. `text` (default): exactly, blanks at line ends and blank last lines aside. `numbers`: line by
       * line without blanks at either end, and lines made of numbers number by number, as LiveCodeBench does.
       */
      readonly comparison?: 'text' | 'numbers';
      /**
       * Python source that decides instead of a comparison: either it defines `check(input, expected, printed)`, or it is a
       * program that is run as `checker.py input.txt correct_output.txt output.txt` and prints 1 or 0.
       */
      readonly checker?: string;
    }
  | {
      /** Run each text of `tests` as code, after `setup`, with the program's `entryPoint` in reach; one that raises has failed. */
      readonly type: 'asserts';
      readonly language: 'python';
      readonly setup: string;
      readonly entryPoint: string;
      readonly tests: readonly string[];
      /** Put before a program that does not define `entryPoint` itself: the start that the prompt asks it to continue. */
      readonly opening?: string;
    }
) &
  TestRules;

/** What a problem itself says about being tested; where it says nothing the verifier's configuration holds. */
export interface TestRules {
  /** Put before every program: imports and helpers that the prompt promises. */
  readonly preamble?: string;
  /** CPU time for loading and for each test by itself, in milliseconds. */
  readonly maxCpuMs?: number;
  readonly maxMemoryBytes?: number;
  /** How far a number may be from the expected one; either bound suffices. Absent: not at all. Two integers must be equal. */
  readonly tolerance?: { readonly absolute: number; readonly relative: number };
}

/**
 * How often a model solved a problem, as the problem's source states it: never as good as measuring with the model at
 * hand, yet known for nothing.
 */
export interface StatedPassRate {
  readonly model: string;
  readonly successes: number;
  /** At least 1. */
  readonly trials: number;
}

/**
 * An item with a checkable answer: what all of Gradus is about.
 *
 * @example
 * const problem: Problem = {
 *   id: 'linear-equation/2/train/17', domain: 'math', family: 'linear-equation', knob: 2,
 *   prompt: [{ role: 'user', content: '3x+5=20. x=?' }], answer: '5', source: 'generated',
 * };
 */
export interface Problem {
  /** Unique within a run and stable over runs: pass rates are stored under it. */
  readonly id: string;
  /** What kind of checking it needs, e.g. `math` or `code`: recipes choose verifiers and mixes by it. */
  readonly domain: string;
  /** The topic or generator within the domain. */
  readonly family?: string;
  /** The generator's difficulty setting, 1 = easiest. A guess made beforehand, never a pass rate. */
  readonly knob?: number;
  readonly prompt: readonly Message[];
  /** The gold answer, for problems whose answer is compared. */
  readonly answer?: string;
  /** The tests, for problems whose answer is a program. */
  readonly tests?: ProblemTests;
  /** Where it came from: a file, a data set name, or `generated`. */
  readonly source: string;
  readonly licence?: string;
  /** Published pass rates, one for each model that the source tried. */
  readonly passRates?: readonly StatedPassRate[];
  /** A worked solution to learn from (supervised only; never shown to a verifier). */
  readonly solution?: string;
  /** Whatever else the source said about it, passed through untouched. */
  readonly extra?: Readonly<Record<string, unknown>>;
}
