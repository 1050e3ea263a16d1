import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { readRetryAfter } from './retry-after.ts';

test('Retry-After in seconds and as a date, and nothing else', () => {
  const now = Date.UTC(2026, 0, 1);
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 1e6 }), (seconds) => {
      expect(readRetryAfter(String(seconds), now)).toBe(seconds * 1000);
      expect(readRetryAfter(new Date(now + seconds * 1000).toUTCString(), now)).toBe(seconds * 1000);
    }),
  );
  for (const header of [null, '', 'soon', '-1', '1.5']) expect(readRetryAfter(header, now)).toBeUndefined();
});
