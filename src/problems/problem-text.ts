import type { Problem } from '../core/problem.ts';

/** Returns the text by which problems are compared: the prompt; of bandits, which differ in what it leaves out, the id. */
export const textOf = ({ id, prompt, extra }: Problem): string =>
  extra?.['bandit'] === undefined ? prompt.map(({ content }) => content.trim()).join('\n') : id;
