/** How much of the past a smoothed value keeps: about the last ten values count. */
const memory = 0.9;

/** Exponential moving average without the pull towards 0 of its first values (as Adam corrects its moments). */
export function smooth(values: readonly number[]): number[] {
  let sum = 0;
  let weight = 0;
  return values.map((value) => {
    sum = memory * sum + (1 - memory) * value;
    weight = memory * weight + (1 - memory);
    return sum / weight;
  });
}
