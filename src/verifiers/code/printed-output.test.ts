import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { samePrinted } from './printed-output.ts';
import { startCpuClock } from '../../../test/cpu-time.ts';

const tolerance = { absolute: 1e-6, relative: 1e-6 };

describe('samePrinted', () => {
  test.each([
    ['1 2\n3', '1 2 \n3\n\n', true],
    ['1\r\n2\r\n', '1\n2', true],
    ['', '\n\n', true],
    ['2 1', '1 2', false],
    ['1\n2', '2\n1', false],
    ['1  2', '1 2', false],
    [' 1', '1', false],
    ['1\n\n2', '1\n2', false],
    ['YES', 'Yes', false],
    ['1.0', '1', false],
  ])('%j against %j: %j', (printed, expected, same) => {
    expect(samePrinted(printed, expected)).toBe(same);
  });

  test.each([
    ['0.333333', '0.3333334', true],
    ['x 1e3', 'x 1000.0000001', true],
    ['0.34', '0.33', false],
    ['nan', '1', false],
    ['0x10', '16', false],
    ['1 2', '1', false],
    ['Infinity', '1', false],
  ])('with a tolerance, %j against %j: %j', (printed, expected, same) => {
    expect(samePrinted(printed, expected, { tolerance })).toBe(same);
  });

  test.each([
    [' 1 \n2', '1\n2', true],
    ['\n\n1\n2\n', '1\n2', true],
    ['1  2', '1 2', true],
    ['3.0', '3', true],
    ['3', '3.00', true],
    ['+3', '3', true],
    ['-0.0', '0', true],
    ['0.00001', '1e-05', true],
    ['1E5', '100000', true],
    ['100000000000000000000.0', '100000000000000000000', true],
    ['100000000000000000001', '100000000000000000000', false],
    ['0.30000000000000001', '0.3', false],
    ['1\n2', '1 2', false],
    ['1\n\n2', '1\n2', false],
    ['2 1', '1 2', false],
    ['1 2 3', '1 2', false],
    ['x  1', 'x 1', false],
    ['x 1.0', 'x 1', false],
    ['YES', 'Yes', false],
    ['nan', 'nan ', true],
    ['nan', 'NaN', false],
    ['1_000', '1000', false],
    ['\u0664\u0662', '42', false],
    ['1e9999999999999999999', '1', false],
  ])('compared as numbers, %j against %j: %j', (printed, expected, same) => {
    expect(samePrinted(printed, expected, { comparison: 'numbers' })).toBe(same);
  });

  test.each([
    ['0.333333', '0.333333333333', true],
    ['0.34', '0.333333', false],
    ['1000000.5', '1000000', true],
    ['1000000007', '1000000008', false],
    ['1000000007.0', '1000000007', true],
    ['Case 1: 0.5000001', 'Case 1: 0.5', true],
    ['Case 2: 0.5', 'Case 1: 0.5', false],
  ])('compared as numbers with a tolerance, %j against %j: %j', (printed, expected, same) => {
    expect(samePrinted(printed, expected, { comparison: 'numbers', tolerance })).toBe(same);
  });

  test('compares integers of any length exactly, even in decimal notation', () => {
    const written = fc.tuple(fc.bigInt(), fc.constantFrom('', '.', '.0', '.000', 'e0', 'E+0', '.00e0'));
    fc.assert(
      fc.property(written, written, fc.boolean(), ([a, tailA], [b, tailB], isTolerant) => {
        const rules = {
          comparison: 'numbers',
          ...(isTolerant ? { tolerance: { absolute: 0, relative: 0 } } : {}),
        } as const;
        expect(samePrinted(`${a}${tailA}`, `${a}${tailB}`, rules)).toBe(true);
        // With a tolerance of 0, texts whose doubles are equal may count as the same only if they are not both
        // integers.
        const isSame = samePrinted(`${a}`, `${b}`, rules);
        expect(isSame).toBe(a === b);
      }),
    );
  });

  test.each(['1'.repeat(400_000) + 'x', '1' + '0'.repeat(400_000) + '1', '1e' + '9'.repeat(400_000)])(
    'takes linear time for a hostile word %#',
    (word) => {
      const clock = startCpuClock();
      expect(samePrinted(word, '1.5', { comparison: 'numbers', tolerance })).toBe(false);
      expect(clock()).toBeLessThan(1000);
    },
  );

  test('ignores only white space at line ends and trailing blank lines', () => {
    const line = fc.stringMatching(/^[a-z0-9]{1,5}( [a-z0-9]{1,5}){0,3}$/);
    fc.assert(
      fc.property(
        fc.array(line, { minLength: 1, maxLength: 6 }),
        fc.nat(3),
        fc.nat(5),
        (lines, blanks, at) => {
          const text = lines.join('\n');
          expect(
            samePrinted(lines.map((one) => one + ' '.repeat(blanks)).join('\n') + '\n'.repeat(blanks), text),
          ).toBe(true);
          const changed = lines.with(at % lines.length, `${lines[at % lines.length]}x`);
          expect(samePrinted(changed.join('\n'), text)).toBe(false);
        },
      ),
    );
  });
});
