import * as z from 'zod';

const unitBytes = { KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30 } as const;
const pattern = /^(\d+(?:\.\d+)?)(KiB|MiB|GiB)$/;

/** Schema of an amount of memory: `'512MiB'`, `'2GiB'`. */
export const byteSizeSchema = z.string().regex(pattern, {
  error: "expected an amount of memory such as '512MiB' or '2GiB'",
});

/** Returns the number of bytes in an amount that `byteSizeSchema` accepts. */
export function byteCount(size: string): number {
  const [, amount, unit] = pattern.exec(size) ?? [];
  if (amount === undefined) throw new RangeError(`not an amount of memory: ${size}`);
  return Math.floor(Number(amount) * unitBytes[unit as keyof typeof unitBytes]);
}
