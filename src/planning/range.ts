/** A forecast: the expected value, and the range in which the actual value should lie. */
export interface Range {
  readonly low: number;
  readonly expected: number;
  readonly high: number;
}

/** Returns the range of a value that is known exactly. */
export const exactly = (value: number): Range => ({ low: value, expected: value, high: value });

/** Multiplies two forecasts of positive values. */
export const times = (a: Range, b: Range): Range => ({
  low: a.low * b.low,
  expected: a.expected * b.expected,
  high: a.high * b.high,
});

/** Divides two forecasts of positive values; the low end of the result is `a.low / b.high`. */
export const over = (a: Range, b: Range): Range => ({
  low: a.low / b.high,
  expected: a.expected / b.expected,
  high: a.high / b.low,
});

/** Adds two forecasts. */
export const plus = (a: Range, b: Range): Range => ({
  low: a.low + b.low,
  expected: a.expected + b.expected,
  high: a.high + b.high,
});
