import { stringifyJson } from '../../core/lossless-json.ts';
import { DataError } from '../../core/errors.ts';
import { afterHashes, lastBoxed } from './golds.ts';
import { readPassRate, type PassRateLabel } from './pass-rate-label.ts';
import { hasTexts, isAnswer, type Columns, type Shape } from './shape.ts';

/** GSM8K: the worked solution ends with `#### 72`. */
export const gsm8k: Shape = {
  name: 'gsm8k',
  reads: 'question, answer (a solution that ends in "#### 72")',
  matches: (row) => hasTexts(row, 'question', 'answer') && String(row['answer']).includes('####'),
  columns: { prompt: 'question', solution: 'answer', answer: 'answer after ####' },
  derive: (row) => ({ ...row, 'answer after ####': afterHashes(String(row['answer'])) }),
};

/**
 * MATH (Hendrycks et al.), whose gold is in `answer` or only in the solution's box; `Level 3` becomes knob 3.
 * NuminaMath has the same columns without levels.
 */
export const math: Shape = {
  name: 'math',
  reads: 'problem, solution (with \\boxed{…}), answer, level, type or subject, unique_id if present',
  matches: (row) =>
    hasTexts(row, 'problem', 'solution') &&
    ('level' in row || (!('answer' in row) && lastBoxed(String(row['solution'])) !== undefined)),
  columns: {
    id: 'unique_id',
    prompt: 'problem',
    answer: 'answer or boxed in solution',
    solution: 'solution',
    family: 'type or subject',
    knob: 'level number',
  },
  derive({ type, subject, level, answer, ...rest }) {
    return {
      ...rest,
      'answer or boxed in solution': answer ?? lastBoxed(String(rest['solution'])),
      'type or subject': type ?? subject,
      'level number': levelNumber(level),
    };
  },
};

/** Parses `Level 3`; MATH writes `Level ?` for an unknown level. */
function levelNumber(level: unknown): number | undefined {
  const [digits] = /\d+/.exec(stringifyJson(level) ?? '') ?? [];
  return digits === undefined ? undefined : Number(digits);
}

/** AIME and AMC, whose columns may have any capitalisation. */
export const competition: Shape = {
  name: 'aime',
  reads: 'problem, answer (Problem or Question, and Answer, too), solution, id',
  matches: (row) =>
    ((hasTexts(row, 'Problem') || hasTexts(row, 'Question')) && isAnswer(row['Answer'])) ||
    (hasTexts(row, 'problem') && isAnswer(row['answer']) && ('url' in row || 'year' in row)),
  columns: { prompt: 'problem', id: 'id' },
  derive: (row) => {
    const {
      question,
      problem = question,
      ...rest
    } = Object.fromEntries(Object.entries(row).map(([name, value]) => [name.toLowerCase(), value]));
    return { ...rest, problem };
  },
};

/** `k/8`: successes in 8 attempts by the 7B distilled model; the data set's card calls it "the pass rate". */
const polarisLabel: PassRateLabel = {
  column: 'difficulty',
  model: 'DeepSeek-R1-Distill-Qwen-7B',
  counts: 'successes',
  trials: 8,
  unit: 'k/n',
};

/** POLARIS-53K. */
export const polaris: Shape = {
  name: 'polaris',
  reads: 'problem, answer, difficulty (k/8 solved by DeepSeek-R1-Distill-Qwen-7B)',
  matches: (row) =>
    hasTexts(row, 'problem', 'difficulty') &&
    /^\d+\/\d+$/.test(String(row['difficulty'])) &&
    isAnswer(row['answer']),
  columns: { prompt: 'problem', passRates: 'stated pass rates' },
  derive: (row) => ({
    ...row,
    'stated pass rates': [readPassRate(polarisLabel, row['difficulty']) ?? []].flat(),
  }),
};

/** DeepScaleR and other data sets with `problem` and `answer`. */
export const deepscaler: Shape = {
  name: 'deepscaler',
  reads: 'problem, answer, solution if present',
  matches: (row) => hasTexts(row, 'problem') && isAnswer(row['answer']),
  columns: { prompt: 'problem', family: 'type' },
  derive: emptySolutionAside,
};

/** Rows with `question` and a bare `answer`. */
export const questionAnswer: Shape = {
  name: 'question-answer',
  reads: 'question, answer',
  matches: (row) => hasTexts(row, 'question') && isAnswer(row['answer']),
  columns: { prompt: 'question' },
  derive: emptySolutionAside,
};

/** TRL: `prompt`, and the gold in `solution` (for TRL's accuracy reward) or `ground_truth`. */
export const trl: Shape = {
  name: 'trl',
  reads: 'prompt, and the gold in ground_truth or solution (bare, or boxed at its end)',
  matches: (row) =>
    row['prompt'] !== undefined && (isAnswer(row['ground_truth']) || isAnswer(row['solution'])),
  columns: { answer: 'ground_truth or solution' },
  derive(row) {
    const { ground_truth: truth, solution, ...rest } = row;
    if (truth !== undefined && truth !== null)
      return { ...rest, ...(solution ? { solution } : {}), 'ground_truth or solution': truth };
    const text = typeof solution === 'string' ? solution : stringifyJson(solution ?? '');
    return {
      ...rest,
      'ground_truth or solution': goldOfSolution(text),
      ...(text.length > 200 ? { solution } : {}),
    };
  },
};

function goldOfSolution(text: string): string {
  const boxed = lastBoxed(text);
  if (boxed !== undefined || text.length <= 200) return boxed ?? text;
  throw new DataError(
    'column "solution": expected a gold answer, bare or in a \\boxed{…}, got a text without one',
  );
}

/** Drops empty solutions, which DeepScaleR writes for missing ones. */
function emptySolutionAside({ solution, ...row }: Columns): Columns {
  return typeof solution === 'string' && solution.trim() !== '' ? { ...row, solution } : row;
}
