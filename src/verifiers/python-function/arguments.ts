import { stringifyJson } from '../../core/lossless-json.ts';
import { DataError } from '../../core/errors.ts';
import type { Problem } from '../../core/problem.ts';
import { testsAsPairs } from '../../core/tests-as-pairs.ts';
import { lastBoxed } from '../math/extract/boxes.ts';

/**
 * Calling conventions of reward functions:
 *
 * - `verl`: `custom_reward_function` of verl's naive, dapo and prime reward managers, one completion per call;
 * - `verl-batch`: the convention of its batch manager, with the same names in the plural, each a list;
 * - `trl`: `reward_funcs` of TRL's GRPOTrainer: lists of prompts and completions as messages, and a list per column.
 */
export const conventions = ['verl', 'verl-batch', 'trl'] as const;

/** See `conventions`. */
export type Convention = (typeof conventions)[number];

/** Name of the parameter that receives the completion, which distinguishes the conventions. */
export const completionParameters: Readonly<Record<Convention, string>> = {
  verl: 'solution_str',
  'verl-batch': 'solution_strs',
  trl: 'completions',
};

/** Keyword parameters of a function. */
export interface Parameters {
  readonly parameters: readonly { readonly name: string; readonly isRequired: boolean }[];
  /** True if the function also accepts any other keyword argument. */
  readonly takesAny: boolean;
}

/** Keyword arguments by name. */
export type Arguments = Readonly<Record<string, unknown>>;

/** Detects the convention of a function from its parameters; returns undefined if they do not identify it. */
export const conventionOf = ({ parameters }: Parameters): Convention | undefined =>
  conventions.find((one) => parameters.some(({ name }) => name === completionParameters[one]));

/**
 * Builds the arguments of a call: those arguments of the convention for which the function has parameters.
 *
 * @throws DataError naming the problem if a required argument is missing.
 */
export function argumentsFor(
  convention: Convention,
  { parameters, takesAny }: Parameters,
  options: Arguments,
  problem: Problem,
  completion: string,
): Arguments {
  const offered = { ...offers[convention](problem, completion), ...options };
  const missing = parameters.find(({ name, isRequired }) => isRequired && !(name in offered));
  if (missing !== undefined)
    throw new DataError(
      `problem ${problem.id} (${problem.source}): expected a value for the reward function's parameter "${missing.name}", ` +
        `got ${Object.keys(offered).join(', ')}; give it a default, or a value in the verifier's "options"`,
    );
  const names = new Set(parameters.map(({ name }) => name));
  return takesAny ? offered : Object.fromEntries(Object.entries(offered).filter(([name]) => names.has(name)));
}

const offers: Readonly<Record<Convention, (problem: Problem, completion: string) => Arguments>> = {
  verl: verlArguments,
  'verl-batch': (problem, completion) =>
    Object.fromEntries(
      Object.entries(verlArguments(problem, completion)).map(([name, value]) => [`${name}s`, [value]]),
    ),
  trl: trlArguments,
};

/** Builds verl's arguments; verl's own `extra_info` takes precedence over Gradus's fields of the same name. */
function verlArguments(problem: Problem, completion: string): Arguments {
  const { extra_info: stated, ...rest } = problem.extra ?? {};
  const truth = problem.answer ?? testsText(problem);
  return {
    data_source: problem.source,
    solution_str: completion,
    ...(truth !== undefined && { ground_truth: truth }),
    extra_info: {
      ...knownOf(problem),
      prompt: problem.prompt,
      ...rest,
      ...(typeof stated === 'object' && stated),
    },
  };
}

/**
 * Builds TRL's arguments. Columns are those of `gradus data export --format trl`; columns in the data set take
 * precedence.
 */
function trlArguments(problem: Problem, completion: string): Arguments {
  const { answer, extra, prompt } = problem;
  const tests = testsText(problem);
  const columns = {
    ...knownOf(problem),
    source: problem.source,
    ...(answer !== undefined && { answer, ground_truth: answer, solution: boxed(answer) }),
    ...(tests !== undefined && { tests }),
    ...extra,
  };
  const listed = Object.entries(columns).map(([name, value]) => [name, [value]]);
  return {
    ...(Object.fromEntries(listed) as Arguments),
    prompts: [prompt],
    completions: [[{ role: 'assistant', content: completion }]],
  };
}

const knownOf = ({ id, domain, family, knob }: Problem): Arguments => ({
  id,
  domain,
  ...(family !== undefined && { family }),
  ...(knob !== undefined && { knob }),
});

/** Returns tests in verl's data format, or in Gradus's own if verl's cannot represent them. */
function testsText({ tests }: Problem): string | undefined {
  return tests === undefined ? undefined : stringifyJson(testsAsPairs(tests) ?? tests);
}

/**
 * Boxes the gold for TRL's accuracy reward, which parses bare LaTeX less reliably; leaves a gold unchanged if it cannot
 * be boxed.
 */
function boxed(answer: string): string {
  const text = `\\boxed{${answer}}`;
  const box = lastBoxed(text);
  return box !== undefined && box !== 'unfinished' && box.text.trim() === answer.trim() ? text : answer;
}
