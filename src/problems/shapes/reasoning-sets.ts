import { DataError } from '../../core/errors.ts';
import { promptOf } from './messages.ts';
import { readStructure } from './structured-text.ts';
import { readPassRate, type PassRateLabel } from './pass-rate-label.ts';
import { at, hasTexts, isAnswer, type Columns, type Shape } from './shape.ts';

const rates = 'stated pass rates';

/** Reads a pass-rate label, but ignores other values, such as `n/a`, which are not pass rates. */
function ratesThatFit(label: PassRateLabel, value: unknown) {
  try {
    return [readPassRate(label, value) ?? []].flat();
  } catch (error) {
    if (error instanceof DataError) return [];
    throw error;
  }
}

/** Share of 64 rollouts that solved the problem (Albalak et al., arXiv 2502.17387). */
const bigMathLabel: PassRateLabel = {
  column: 'llama8b_solve_rate',
  model: 'Llama-3.1-8B',
  counts: 'successes',
  trials: 64,
  unit: 'rate',
};

/** Big-Math-RL-Verified; `domain` is a list of topics. */
export const bigMath: Shape = {
  name: 'big-math',
  reads: 'problem, answer, domain (a list), llama8b_solve_rate (solved of 64 by Llama-3.1-8B)',
  matches: (row) => hasTexts(row, 'problem') && isAnswer(row['answer']) && 'llama8b_solve_rate' in row,
  columns: { prompt: 'problem', passRates: rates },
  derive: (row) => ({ ...row, [rates]: ratesThatFit(bigMathLabel, row['llama8b_solve_rate']) }),
};

/** Pass rate of 32 generations of Qwen2.5-Math-72B-Instruct with tools; `n/a` if not measured. */
const openMathLabel: PassRateLabel = {
  column: 'pass_rate_72b_tir',
  model: 'Qwen2.5-Math-72B-Instruct (TIR)',
  counts: 'successes',
  trials: 32,
  unit: 'rate',
};

/** OpenMathReasoning: one row for each generated solution, so problems repeat. */
export const openMathReasoning: Shape = {
  name: 'open-math-reasoning',
  reads: 'problem, expected_answer, pass_rate_72b_tir (solved of 32 by Qwen2.5-Math-72B-Instruct with tools)',
  matches: (row) =>
    hasTexts(row, 'problem') && isAnswer(row['expected_answer']) && 'pass_rate_72b_tir' in row,
  columns: {
    prompt: 'problem',
    answer: 'expected_answer',
    source: 'problem_source',
    solution: 'solution',
    passRates: rates,
  },
  derive: ({ generated_solution: solution, ...row }) => ({
    ...row,
    ...(typeof solution === 'string' && row['inference_mode'] === 'cot' ? { solution } : {}),
    [rates]: ratesThatFit(openMathLabel, row['pass_rate_72b_tir']),
  }),
};

/** DeepMath-103K; `difficulty` is a model's rating, not a pass rate. */
export const deepMath: Shape = {
  name: 'deepmath',
  reads: 'question, final_answer, topic, difficulty, r1_solution_1 …',
  matches: (row) =>
    hasTexts(row, 'question') && isAnswer(row['final_answer']) && ('r1_solution_1' in row || 'topic' in row),
  columns: { prompt: 'question', answer: 'final_answer', family: 'family', solution: 'r1_solution_1' },
  derive: ({ topic, ...row }) => ({ ...row, family: topicOf(topic) }),
};

/** Omni-MATH; `domain` is a list of topics, `difficulty` a rating, not a pass rate. */
export const omniMath: Shape = {
  name: 'omni-math',
  reads: 'problem, answer, solution, domain (a list), difficulty',
  matches: (row) =>
    hasTexts(row, 'problem') && isAnswer(row['answer']) && 'domain' in row && 'difficulty' in row,
  columns: { prompt: 'problem' },
};

/** OlympiadBench; golds and solutions are lists, and `context` contains the beginning of some questions. */
export const olympiadBench: Shape = {
  name: 'olympiadbench',
  reads: 'question, context, final_answer (a list), solution (a list), subfield',
  matches: (row) => hasTexts(row, 'question') && 'final_answer' in row && 'is_multiple_answer' in row,
  columns: { prompt: 'context and question', answer: 'gold', solution: 'solution', family: 'subfield' },
  derive(row) {
    const { context, question, final_answer: finalAnswer, is_multiple_answer: isSeveral } = row;
    const golds = Array.isArray(finalAnswer) ? finalAnswer : [finalAnswer];
    return {
      ...withoutColumns(row, 'context', 'question', 'final_answer'),
      'context and question': joined(context, question),
      gold: golds.length > 1 && isSeveral === true ? golds.join(', ') : finalAnswer,
    };
  },
};

/** ASDiv and SVAMP; the story is in `body`, the question about it in `question`. */
export const storyQuestion: Shape = {
  name: 'story-question',
  reads: 'body, question, answer (Body, Question and Answer too)',
  matches: (row) =>
    (hasTexts(row, 'body', 'question') && isAnswer(row['answer'])) ||
    (hasTexts(row, 'Body', 'Question') && isAnswer(row['Answer'])),
  columns: { prompt: 'body and question' },
  derive(row) {
    const { body, question, ...rest } = smallNames(row);
    return { ...rest, 'body and question': joined(body, question) };
  },
};

/** Open-Reasoner-Zero: a conversation with two turns; the second contains the gold. */
export const openReasonerZero: Shape = {
  name: 'open-reasoner-zero',
  reads: 'a list or columns 0 and 1: {from: human, value}, {from: assistant, ground_truth: {value}}',
  matches: (row) => hasTexts(row, '0.value') && at(row, '1.ground_truth') != null,
  columns: { prompt: 'question', answer: '1.ground_truth.value' },
  derive: (row) => ({
    ...withoutColumns(row, '0', '1'),
    question: at(row, '0.value'),
    '1.ground_truth.value': at(row, '1.ground_truth.value') ?? at(row, '1.ground_truth'),
  }),
};

const questions = ['problem', 'question', 'prompt', 'query', 'messages', 'conversations'];
const golds = [
  'answer',
  'expected_answer',
  'final_answer',
  'ground_truth',
  'gold_answer',
  'gold',
  'correct_answer',
  'target',
];

/** A question or conversation with a gold, under any usual column name. A final assistant turn becomes the solution. */
export const namedGold: Shape = {
  name: 'named-gold',
  reads: `${questions.join(', ')}, and the gold in ${golds.join(', ')}`,
  matches: (row) => named(row, questions) !== undefined && named(row, golds) !== undefined,
  columns: { prompt: 'question', answer: 'gold' },
  derive(row) {
    const [question, gold] = [named(row, questions)!, named(row, golds)!];
    const said = promptOf(row[question]);
    const turns = Array.isArray(said) ? (said as unknown[]) : [];
    const last = turns.at(-1);
    const isAnswered = turns.length > 1 && at({ last }, 'last.role') === 'assistant';
    return {
      ...withoutColumns(row, question, gold),
      question: isAnswered ? turns.slice(0, -1) : said,
      gold: row[gold],
      ...(isAnswered && row['solution'] == null ? { solution: at({ last }, 'last.content') } : {}),
    };
  },
};

const named = (row: Columns, names: readonly string[]): string | undefined =>
  names.find((name) => row[name] != null && row[name] !== '');

const smallNames = (row: Columns): Columns =>
  Object.fromEntries(Object.entries(row).map(([name, value]) => [name.toLowerCase(), value]));

const withoutColumns = (row: Columns, ...names: string[]): Columns =>
  Object.fromEntries(Object.entries(row).filter(([name]) => !names.includes(name)));

const joined = (...texts: unknown[]): string =>
  texts
    .filter((text) => typeof text === 'string' && text.trim() !== '')
    .map((text) => String(text).trim())
    .join('\n');

/** Returns the main topic: `Mathematics -> Algebra -> Prealgebra`, alone or first in a list, gives Algebra. */
export function topicOf(value: unknown): string | undefined {
  const list = typeof value === 'string' ? (readStructure(value) ?? value) : value;
  const first: unknown = Array.isArray(list) ? list[0] : list;
  if (typeof first !== 'string') return undefined;
  const parts = first.split('->').map((part) => part.trim());
  return (parts.length > 1 && /^math/i.test(parts[0]!) ? parts[1] : parts[0]) || undefined;
}
