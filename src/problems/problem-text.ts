import type { Problem } from '../core/problem.ts';

/**
 * Returns the text by which problems are compared: the prompt, or the id for bandits, which differ in parts that the
 * prompt omits.
 */
export const textOf = ({ id, prompt, extra }: Problem): string =>
  extra?.['bandit'] === undefined ? prompt.map(({ content }) => content.trim()).join('\n') : id;
