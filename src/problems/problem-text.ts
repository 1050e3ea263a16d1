import type { Problem } from '../core/problem.ts';

/**
 * Returns the text by which problems are compared: the prompt with the hashes of its images. For bandits, returns the
 * id, because bandits differ in parts that are not in the prompt.
 */
export const textOf = ({ id, prompt, extra }: Problem): string =>
  extra?.['bandit'] === undefined
    ? prompt
        .flatMap(({ content, images = [] }) => [content.trim(), ...images.map(({ sha256 }) => sha256)])
        .join('\n')
    : id;
