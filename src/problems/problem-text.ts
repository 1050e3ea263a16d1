import type { Problem } from '../core/problem.ts';

/**
 * Returns the text by which problems are compared: the prompt with the hashes of its images, or the id for bandits, which differ in parts that the
 * prompt omits.
 */
export const textOf = ({ id, prompt, extra }: Problem): string =>
  extra?.['bandit'] === undefined
    ? prompt
        .flatMap(({ content, images = [] }) => [content.trim(), ...images.map(({ sha256 }) => sha256)])
        .join('\n')
    : id;
