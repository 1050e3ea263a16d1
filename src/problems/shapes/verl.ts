import { readPassRate, type PassRateLabel } from './pass-rate-label.ts';
import { at, hasTexts, type Columns, type Shape } from './shape.ts';

const isVerl = (row: Columns): boolean =>
  row['prompt'] != null && at(row, 'reward_model.ground_truth') != null;

const columns = {
  prompt: 'prompt',
  answer: 'reward_model.ground_truth',
  domain: 'ability',
  source: 'data_source',
  passRates: 'stated pass rates',
} as const;

/** Flattens verl's nested columns; `extra_info` stays in `extra`. */
function lift(row: Columns): Columns {
  const { reward_model: _rewardModel, ability, ...rest } = row;
  return {
    ...rest,
    ability: typeof ability === 'string' ? ability.toLowerCase().replace(/^math.*/, 'math') : undefined,
    [columns.answer]: at(row, columns.answer),
  };
}

/** verl's rows: `prompt` as messages, `reward_model.ground_truth`, `ability`, `data_source`. */
export const verl: Shape = {
  name: 'verl',
  reads: 'prompt, reward_model.ground_truth, ability, data_source, extra_info',
  matches: isVerl,
  mixes: true,
  columns,
  derive: lift,
};

/** Skywork-OR1: failures of 16 attempts by each of three models, in `extra_info.model_difficulty`. */
export const skyworkOr1: Shape = {
  ...verl,
  name: 'skywork-or1',
  reads: `${verl.reads}, extra_info.model_difficulty (failures of 16 by each model)`,
  matches: (row) => isVerl(row) && at(row, 'extra_info.model_difficulty') !== undefined,
  derive: (row) => ({ ...lift(row), 'stated pass rates': skyworkRates(row) }),
};

function skyworkRates(row: Columns) {
  const column = 'extra_info.model_difficulty';
  const failures = Object.entries((at(row, column) ?? {}) as Columns);
  return failures.flatMap(([model, value]) => {
    const label = {
      column: `${column}.${model}`,
      model,
      counts: 'failures',
      trials: 16,
      unit: 'count',
    } as const;
    return readPassRate(label, value) ?? [];
  });
}

/**
 * Percentage of 128 attempts by Qwen2.5-Math-7B that failed (Shi et al., arXiv 2504.05520): 0 = easy, 100 = never
 * solved.
 */
const adarftLabel: PassRateLabel = {
  column: 'extra_info.difficulty',
  model: 'Qwen2.5-Math-7B',
  counts: 'failures',
  trials: 128,
  unit: 'percent',
};

/** AdaRFT: DeepScaleR with measured difficulty. */
export const adarft: Shape = {
  ...verl,
  name: 'adarft',
  reads: `${verl.reads}, extra_info.difficulty (percent failed of 128 by Qwen2.5-Math-7B)`,
  matches: (row) => isVerl(row) && typeof at(row, adarftLabel.column) === 'number',
  derive: (row) => ({
    ...lift(row),
    'stated pass rates': [readPassRate(adarftLabel, at(row, adarftLabel.column)) ?? []].flat(),
  }),
};

const dapoOpening = /^Solve the following math problem step by step\..*?\n\n/s;
const dapoClosing = /\n\nRemember to put your answer on its own line after "Answer:"\.?\s*$/;

/** DAPO-Math-17k: verl rows; the instructions around the question are removed. */
export const dapo: Shape = {
  ...verl,
  name: 'dapo-17k',
  reads: `${verl.reads}; the instructions around the question are removed`,
  matches: (row) => isVerl(row) && dapoClosing.test(firstContent(row)),
  derive: (row) => {
    const bare = firstContent(row).replace(dapoOpening, '').replace(dapoClosing, '');
    return { ...lift(row), prompt: [{ role: 'user', content: bare }] };
  },
};

function firstContent(row: Columns): string {
  const [message] = Array.isArray(row['prompt']) ? (row['prompt'] as unknown[]) : [];
  return hasTexts({ message }, 'message.content') ? (at({ message }, 'message.content') as string) : '';
}
