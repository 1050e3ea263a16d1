import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { samePrinted } from './printed-output.ts';

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
    expect(samePrinted(printed, expected, { absolute: 1e-6, relative: 1e-6 })).toBe(same);
  });

  test('blanks at line ends and blank last lines never count, and nothing else is ignored', () => {
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
