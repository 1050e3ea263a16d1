import { contentDigest } from '../../storage/content-digest.ts';
import type { Problem } from '../../core/problem.ts';

/**
 * Names what is asked and what counts as right: a digest of prompt, gold answer and tests. Pass rates belong to an
 * edition, so a reworded problem or a mended gold is measured again although its id is the same.
 */
export const editionOf = (problem: Problem): string => contentDigest(problem);
