import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { ProblemTests } from '../../core/problem.ts';
import { completeProgram, extractProgram } from './program.ts';

describe('extractProgram', () => {
  test.each([
    ['the last Python block', 'a\n```python\none\n```\nb\n```py\ntwo\n```\n```\noutput\n```', 'two\n'],
    ['the last block without a label', '```\none\n```\n```\ntwo\n```', 'two\n'],
    ['only what follows the thinking', '<think>```python\nno\n```</think>\n```python\nyes\n```', 'yes\n'],
    ['an unclosed block', '```python\nx = 1\n', 'x = 1\n\n'],
    ['everything where nothing is fenced', 'print(1)', 'print(1)'],
    ['a block whose fence is longer', '````python\n"""\n```\n"""\n````', '"""\n```\n"""\n'],
  ])('takes %s', (_, completion, program) => {
    expect(extractProgram(completion)).toBe(program);
  });

  test.each(['', '  \n', '<think>print(1)</think>', 'thinking</think>\n```python\n```'])(
    'finds nothing in %j',
    (text) => {
      expect(extractProgram(text)?.replaceAll(/`|python|\s/g, '') ?? '').toBe('');
    },
  );

  test('20,000 fences take no longer than they must', () => {
    const start = performance.now();
    extractProgram('```python\nx\n'.repeat(20_000));
    expect(performance.now() - start).toBeLessThan(1000);
  });

  test('never throws', () => {
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom('```', '~~~', 'python', '\n', ' ', '</think>', 'x', '\r')),
        (parts) => {
          const found = extractProgram(parts.join(''));
          expect(found === null || found.trim() !== '').toBe(true);
        },
      ),
    );
  });
});

describe('completeProgram', () => {
  const tests: ProblemTests = {
    type: 'asserts',
    language: 'python',
    setup: '',
    entryPoint: 'f',
    tests: ['f()'],
    preamble: 'import math\n',
    opening: 'def f():\n',
  };

  test('a program that defines the function gets the preamble alone', () => {
    expect(completeProgram('def f():\n    return 1', tests)).toBe('import math\ndef f():\n    return 1');
    expect(completeProgram('f = lambda: 1', tests)).toBe('import math\nf = lambda: 1');
  });

  test('a program that continues the prompt gets its opening', () => {
    expect(completeProgram('    return 1', tests)).toBe('import math\ndef f():\n    return 1');
  });

  test('future imports stay first', () => {
    expect(completeProgram('from __future__ import annotations\ndef f(): pass', tests)).toMatch(
      /^from __future__/,
    );
  });
});
