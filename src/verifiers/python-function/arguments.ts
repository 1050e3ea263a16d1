import { stringifyJson } from '../../core/lossless-json.ts';
import { DataError } from '../../core/errors.ts';
import type { Problem } from '../../core/problem.ts';
import { testsAsPairs } from '../../core/tests-as-pairs.ts';
import { lastBoxed } from '../math/extract/boxes.ts';

/**
 * How reward functions are called:
 *
 * - `verl`: `custom_reward_function` of verl's naive, dapo and prime reward managers, one completion a call;
 * - `verl-batch`: of its batch manager, the same names in the plural, each a list;
 * - `trl`: `reward_funcs` of TRL's GRPOTrainer: lists of prompts and completions as messages, and a list for each column.
 */
export const conventions = ['verl', 'verl-batch', 'trl'] as const;

/** See `conventions`. */
export type Convention = (typeof conventions)[number];

/** The parameter that takes the completion tells a convention from the others. */
export const completionParameters: Readonly<Record<Convention, string>> = {
  verl: 'solution_str',
  'verl-batch': 'solution_strs',
  trl: 'completions',
};

/** What a function may be called with, by keyword. */
export interface Parameters {
  readonly parameters: readonly { readonly name: string; readonly isRequired: boolean }[];
  /** Whether it takes any other keyword too. */
  readonly takesAny: boolean;
}

/** Keyword arguments by name. */
export type Arguments = Readonly<Record<string, unknown>>;

/** The convention that a function follows, if its parameters tell. */
export const conventionOf = ({ parameters }: Parameters): Convention | undefined =>
  conventions.find((one) => parameters.some(({ name }) => name === completionParameters[one]));

/**
 * What a function is called with to judge a completion: of all that its convention offers, what it has parameters for.
 *
 * @throws DataError naming the problem when it lacks something that the function cannot do without.
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
      `problem ${problem.id} (${problem.source}): the reward function cannot do without "${missing.name}", ` +
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

/** verl's own `extra_info` comes before what Gradus knows of the problem under the same name. */
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

/** A row's columns are as `gradus data export --format trl` writes them; those of the data set itself come first. */
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

/** Tests as verl's data has them, in our own form where verl has none. */
function testsText({ tests }: Problem): string | undefined {
  return tests === undefined ? undefined : stringifyJson(testsAsPairs(tests) ?? tests);
}

/** TRL's accuracy reward finds bare LaTeX less reliably than in a box; a gold that a box cannot hold stays as it is. */
function boxed(answer: string): string {
  const text = `\\boxed{${answer}}`;
  const box = lastBoxed(text);
  return box !== undefined && box !== 'unfinished' && box.text.trim() === answer.trim() ? text : answer;
}
