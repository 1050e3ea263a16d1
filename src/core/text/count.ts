/** Formats a count with its noun: `1 problem`, `2 problems`. */
export const countOf = (count: number, noun: string, plural = `${noun}s`): string =>
  `${count} ${count === 1 ? noun : plural}`;
