import type { Problem } from '../../core/problem.ts';
import { complexity } from '../../core/text/complexity.ts';

/**
 * Returns a problem's features before any attempt, as words for `scoreByFeatures`: text, length, format of the gold
 * answer (a problem whose answer the verifier cannot read is never "solved"), source, DID's complexity, and other
 * models' pass rates.
 */
export function featuresOf(problem: Problem): string[] {
  const text = problem.prompt.map(({ content }) => content).join('\n');
  return [
    ...kindFeatures(problem),
    ...statedFeatures(problem),
    ...textFeatures(text),
    ...(problem.answer === undefined ? [] : answerFeatures(problem.answer)),
  ];
}

/** Returns the features that are cheap enough for 100,000 problems: kind and source, as words. */
export function kindFeatures({ domain, source, family = '', knob }: Problem): string[] {
  return [
    `domain ${domain}`,
    `source ${source}`,
    `family ${domain} ${family}`,
    `knob ${family} ${knob ?? ''}`,
  ];
}

/** Returns the pass rates published by the problem's source, as words. */
export function statedFeatures({ passRates = [] }: Problem): string[] {
  return passRates.map(({ model, successes, trials }) => passRateFeature(model, successes, trials));
}

/** Returns another model's pass rate as a word: never, always, or the tenth that contains it. */
export function passRateFeature(model: string, successes: number, trials: number): string {
  const isMixed = successes > 0 && successes < trials;
  return `rate ${model} ${isMixed ? Math.ceil((10 * successes) / trials) : successes === 0 ? 'never' : 'always'}`;
}

const word = /[a-z]+|\\[a-z]+|\d+|[^\s\w]/g;

function textFeatures(text: string): string[] {
  const words = (text.toLowerCase().match(word) ?? []).map((part) =>
    /^\d/.test(part) ? `#${part.length}` : part,
  );
  const pairs = words.slice(1).map((part, i) => `${words[i]!} ${part}`);
  return [
    ...words,
    ...pairs,
    `words ${Math.round(2 * Math.log2(words.length + 1))}`,
    `complexity ${Math.round(Math.log2(1 + complexity(text)))}`,
  ];
}

function answerFeatures(answer: string): string[] {
  const form = answer.replaceAll(/\d+/g, '9').replaceAll(/[a-zA-Z]+/g, 'x');
  const marks = answer.match(/\\[a-z]+|[^\w\s]/g) ?? [];
  return [
    `answer length ${Math.min(12, answer.length)}`,
    `answer form ${form.slice(0, 12)}`,
    `answer prose ${/[a-z]{4}/i.test(answer)}`,
    ...marks.map((mark) => `answer has ${mark}`),
  ];
}
