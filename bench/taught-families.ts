/** Families that gradus-tiny was taught. */
export const taughtFamilies = [
  'addition',
  'subtraction',
  'multiplication',
  'brackets',
  'linear-equation',
  'remainder',
  'sequences',
  'word-problems',
  'linear-function',
  'max-min',
  'two-arguments',
  'quadratic',
  'conditional',
  'described-steps',
] as const;
