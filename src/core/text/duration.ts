import * as z from 'zod';

const unitMs = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 } as const;

/** Schema of a duration: `'500ms'`, `'30s'`, `'10m'`, `'2h'`. */
export const durationSchema = z.string().regex(/^\d+(\.\d+)?(ms|s|m|h)$/, {
  error: "expected a duration such as '500ms', '30s', '10m' or '2h'",
});

/** Returns the number of milliseconds in a duration that `durationSchema` accepts. */
export function durationMs(duration: string): number {
  const [, amount, unit] = /^([\d.]+)(ms|s|m|h)$/.exec(duration) ?? [];
  if (amount === undefined) throw new RangeError(`not a duration: ${duration}`);
  return Number(amount) * unitMs[unit as keyof typeof unitMs];
}

/** Formats seconds in readable units: `75` → `1 min 15 s`. */
export function formatSeconds(seconds: number): string {
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`;
}
