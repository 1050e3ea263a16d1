import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { DataError } from '../../../core/errors.ts';
import { readPickle } from './pickle.ts';

/** Returns the error that reading throws, or null. */
function failureOf(bytes: Uint8Array): unknown {
  try {
    readPickle(bytes);
    return null;
  } catch (error) {
    return error;
  }
}

const isExpected = (failure: unknown): boolean => failure === null || failure instanceof DataError;

const decode = (base64: string): Uint8Array => Buffer.from(base64, 'base64');

/**
 * `pickle.dumps(v, protocol=p)` for p = 0 … 5 by CPython 3.11, v = {'a': [1, -2, 2**40, 2**70, -2**33, 1.5, inf, None,
 * True, False], 't': (1, (2,), (1, 2, 3, 4)), 's': 'héé\n\u2028"\\', 'e': [], 'ü': {}, 'rep': ['x', 'x'], 'alias': 'y'}
 */
const samePickles = [
  'KGRwMApWYQpwMQoobHAyCkkxCmFJLTIKYUwxMDk5NTExNjI3Nzc2TAphTDExODA1OTE2MjA3MTc0MTEzMDM0MjRMCmFMLTg1ODk5MzQ1OTJMCmFGMS41CmFGaW5mCmFOYUkwMQphSTAwCmFzVnQKcDMKKEkxCihJMgp0cDQKKEkxCkkyCkkzCkk0CnRwNQp0cDYKc1ZzCnA3ClZo6elcdTAwMGFcdTIwMjgiXHUwMDVjCnA4CnNWZQpwOQoobHAxMApzVvwKcDExCihkcDEyCnNWcmVwCnAxMwoobHAxNApWeApwMTUKYWcxNQphc1ZhbGlhcwpwMTYKVnkKcDE3CnMu',
  'fXEAKFgBAAAAYXEBXXECKEsBSv7///9MMTA5OTUxMTYyNzc3NkwKTDExODA1OTE2MjA3MTc0MTEzMDM0MjRMCkwtODU4OTkzNDU5MkwKRz/4AAAAAAAAR3/wAAAAAAAATkkwMQpJMDAKZVgBAAAAdHEDKEsBKEsCdHEEKEsBSwJLA0sEdHEFdHEGWAEAAABzcQdYCwAAAGjDqcOpCuKAqCJccQhYAQAAAGVxCV1xClgCAAAAw7xxC31xDFgDAAAAcmVwcQ1dcQ4oWAEAAAB4cQ9oD2VYBQAAAGFsaWFzcRBYAQAAAHlxEXUu',
  'gAJ9cQAoWAEAAABhcQFdcQIoSwFK/v///4oGAAAAAAABigkAAAAAAAAAAECKBQAAAAD+Rz/4AAAAAAAAR3/wAAAAAAAAToiJZVgBAAAAdHEDSwFLAoVxBChLAUsCSwNLBHRxBYdxBlgBAAAAc3EHWAsAAABow6nDqQrigKgiXHEIWAEAAABlcQldcQpYAgAAAMO8cQt9cQxYAwAAAHJlcHENXXEOKFgBAAAAeHEPaA9lWAUAAABhbGlhc3EQWAEAAAB5cRF1Lg==',
  'gAN9cQAoWAEAAABhcQFdcQIoSwFK/v///4oGAAAAAAABigkAAAAAAAAAAECKBQAAAAD+Rz/4AAAAAAAAR3/wAAAAAAAAToiJZVgBAAAAdHEDSwFLAoVxBChLAUsCSwNLBHRxBYdxBlgBAAAAc3EHWAsAAABow6nDqQrigKgiXHEIWAEAAABlcQldcQpYAgAAAMO8cQt9cQxYAwAAAHJlcHENXXEOKFgBAAAAeHEPaA9lWAUAAABhbGlhc3EQWAEAAAB5cRF1Lg==',
  'gASVlQAAAAAAAAB9lCiMAWGUXZQoSwFK/v///4oGAAAAAAABigkAAAAAAAAAAECKBQAAAAD+Rz/4AAAAAAAAR3/wAAAAAAAAToiJZYwBdJRLAUsChZQoSwFLAksDSwR0lIeUjAFzlIwLaMOpw6kK4oCoIlyUjAFllF2UjALDvJR9lIwDcmVwlF2UKIwBeJRoD2WMBWFsaWFzlIwBeZR1Lg==',
  'gAWVlQAAAAAAAAB9lCiMAWGUXZQoSwFK/v///4oGAAAAAAABigkAAAAAAAAAAECKBQAAAAD+Rz/4AAAAAAAAR3/wAAAAAAAAToiJZYwBdJRLAUsChZQoSwFLAksDSwR0lIeUjAFzlIwLaMOpw6kK4oCoIlyUjAFllF2UjALDvJR9lIwDcmVwlF2UKIwBeJRoD2WMBWFsaWFzlIwBeZR1Lg==',
];

const value = {
  a: [1, -2, 2 ** 40, 2n ** 70n, -(2 ** 33), 1.5, Infinity, null, true, false],
  t: [1, [2], [1, 2, 3, 4]],
  s: 'héé\n\u2028"\\',
  e: [],
  ü: {},
  rep: ['x', 'x'],
  alias: 'y',
};

describe('readPickle', () => {
  test.each(samePickles.map((base64, protocol) => ({ protocol, base64 })))(
    'reads protocol $protocol',
    ({ base64 }) => {
      expect(readPickle(decode(base64))).toEqual(value);
    },
  );

  test.each([
    ['a call of os.system (protocol 2)', 'gAJjcG9zaXgKc3lzdGVtCnEAWAsAAABlY2hvIGhhY2tlZHEBhXECUnEDLg=='],
    ['a call of os.system (protocol 0)', 'Y3Bvc2l4CnN5c3RlbQpwMAooVmVjaG8gaGFja2VkCnAxCnRwMgpScDMKLg=='],
    ['an extension', Buffer.from('\x82\x01.', 'latin1').toString('base64')],
    ['a persistent id', Buffer.from('Pabc\n.').toString('base64')],
  ])('rejects %s instead of executing it', (_, base64) => {
    expect(() => readPickle(decode(base64))).toThrow(/is not plain data/);
  });

  test('treats __proto__ as an ordinary key', () => {
    const read = readPickle(Buffer.from('}(U\x09__proto__K\x01u.', 'latin1')) as object;
    expect(Object.keys(read)).toEqual(['__proto__']);
    expect(Object.getPrototypeOf(read)).toBe(Object.prototype);
  });

  test('reads arbitrary bytes as a value or throws a DataError', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
        expect(failureOf(bytes)).toSatisfy(isExpected);
      }),
      { numRuns: 3000 },
    );
  });

  test('reads a pickle with a changed byte as a value or throws a DataError', () => {
    const bytes = decode(samePickles[4]!);
    fc.assert(
      fc.property(fc.nat(bytes.length - 1), fc.nat(255), (at, byte) => {
        const changed = Uint8Array.from(bytes);
        changed[at] = byte;
        expect(failureOf(changed)).toSatisfy(isExpected);
      }),
      { numRuns: 2000 },
    );
  });
});
