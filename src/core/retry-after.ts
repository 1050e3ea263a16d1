/**
 * How long a server asks to be left alone, in milliseconds: seconds or an HTTP date (RFC 9110, 10.2.3).
 *
 * @returns undefined for a header that is absent or says nothing readable.
 */
export function readRetryAfter(header: string | null, nowMs: number): number | undefined {
  const text = header?.trim() ?? '';
  if (/^\d{1,9}$/.test(text)) return Number(text) * 1000;
  if (!/^[A-Za-z]{3},? /.test(text)) return undefined;
  const at = Date.parse(text);
  return Number.isNaN(at) ? undefined : Math.max(0, at - nowMs);
}
