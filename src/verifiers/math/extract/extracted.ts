/** An answer found in a completion: its text and its span `[start, end)` in the completion. */
export interface Extracted {
  readonly text: string;
  readonly start: number;
  readonly end: number;
  /** How the answer was found. */
  readonly by: 'box' | 'tag' | 'marker' | 'whole completion' | 'last formula or number';
}
