/** Returns the background colour of a pass rate: warm at 0, neutral at 0.5, blue at 1. */
export function heatFill(share: number): string {
  const [end, weight] = share < 0.5 ? ['--heat-low', 1 - 2 * share] : ['--heat-high', 2 * share - 1];
  return `color-mix(in oklab, var(${end}) ${Math.round(100 * weight)}%, var(--heat-middle))`;
}
