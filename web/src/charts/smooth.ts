/** Decay of the moving average: about the last ten values contribute. */
const memory = 0.9;

/** Returns the exponential moving average, with the bias correction of Adam (Kingma & Ba 2015, section 3). */
export function smooth(values: readonly number[]): number[] {
  let sum = 0;
  let weight = 0;
  return values.map((value) => {
    sum = memory * sum + (1 - memory) * value;
    weight = memory * weight + (1 - memory);
    return sum / weight;
  });
}
