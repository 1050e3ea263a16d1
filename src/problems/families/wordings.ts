/** The two sets of wordings for generated questions: one for training, the other only for evaluation. */
export type WordingSplit = 'train' | 'held-out';

/**
 * Templates for the text around a question. They leave the question itself unchanged, so the gold stays the same,
 * and use the notation of the families, which gradus-tiny's tokenizer reads. Small models trained only on the bare
 * question fail on most of these wordings.
 */
const frames: Readonly<Record<WordingSplit, readonly string[]>> = {
  train: ['n: {question}', '{question};', 'if {question}'],
  'held-out': ['y: {question}', '{question}.', 'from {question}'],
};

/** Returns the other wordings of a question. */
export const wordingsOf = (question: string, split: WordingSplit): string[] =>
  frames[split].map((frame) => frame.replace('{question}', () => question));
