import { expect, test } from 'vitest';
import { startCpuClock } from '../../../test/cpu-time.ts';
import { promptOf } from './messages.ts';

const list = "[{'role': 'user', 'content': 'q'}]";

test.for([
  `array(${list}, dtype=object)`,
  `array(${list},\n      dtype=object)`,
  ` array( ${list} ) `,
  `array(${list},)`,
  list,
])('reads messages as pandas writes them to CSV: %s', (text) => {
  expect(promptOf(text)).toEqual([{ role: 'user', content: 'q' }]);
});

test.for(['array([1, 2])', 'array(', 'array()', `array(${list}, dtype=object`, 'sort the array([3, 1])'])(
  'keeps other text: %s',
  (text) => {
    expect(promptOf(text)).toBe(text);
  },
);

test('reads a long string in linear time', () => {
  const text = `array(${' '.repeat(100_000)}x`;
  const spent = startCpuClock();
  expect(promptOf(text)).toBe(text);
  expect(promptOf(`${text})`)).toBe(`${text})`);
  expect(spent()).toBeLessThan(500);
});
