const bars = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'] as const;

/**
 * Draws values as at most `width` bars, scaled between minimum and maximum. If there are more values than
 * bars, averages them in equal groups. If all values are equal, all bars have half height.
 *
 * @example
 * sparkline([0, 1, 2, 3], 4); // '▁▃▆█'
 */
export function sparkline(values: readonly number[], width: number): string {
  const points = averageGroups(values, Math.max(1, width));
  const [low, high] = [Math.min(...points), Math.max(...points)];
  const place = (value: number): number => (high > low ? (value - low) / (high - low) : 0.5);
  return points.map((value) => bars[Math.round(place(value) * (bars.length - 1))]).join('');
}

function averageGroups(values: readonly number[], most: number): number[] {
  if (values.length <= most) return [...values];
  return Array.from({ length: most }, (_, i) => {
    const [from, to] = [i, i + 1].map((n) => Math.floor((n * values.length) / most));
    return values.slice(from, to).reduce((sum, value) => sum + value, 0) / (to! - from!);
  });
}
