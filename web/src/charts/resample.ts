import type { Line } from './line-chart.tsx';

/**
 * Resamples a line at given places: the mean of its points since the previous place, else the linear interpolation
 * between its neighbours. Omits places beyond its ends.
 */
export function resample({ steps, values }: Line, places: readonly number[]): Line {
  const found: { step: number; value: number }[] = [];
  let at = 0;
  for (const place of places) {
    const first = at;
    while (at < steps.length && steps[at]! <= place) at++;
    const next = steps[at];
    if (at > first) {
      const inside = values.slice(first, at);
      found.push({ step: place, value: inside.reduce((sum, value) => sum + value, 0) / inside.length });
    } else if (at > 0 && next !== undefined) {
      const [from, to] = [steps[at - 1]!, next];
      const share = (place - from) / (to - from);
      found.push({ step: place, value: values[at - 1]! + share * (values[at]! - values[at - 1]!) });
    }
  }
  return { steps: found.map(({ step }) => step), values: found.map(({ value }) => value) };
}

/** Maps the steps of a line to the cost up to each step; the cost before the first step is 0. */
export function along(line: Line, steps: readonly number[], spent: readonly number[]): Line {
  const places = line.steps.map((step) => spent[steps.findLastIndex((one) => one <= step)] ?? 0);
  return { steps: places, values: line.values };
}
