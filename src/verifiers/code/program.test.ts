import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { ProblemTests } from '../../core/problem.ts';
import { completeProgram, extractProgram } from './program.ts';
import { startCpuClock } from '../../../test/cpu-time.ts';

describe('extractProgram', () => {
  test.each([
    ['the last Python block', 'a\n```python\none\n```\nb\n```py\ntwo\n```\n```\noutput\n```', 'two\n'],
    ['the last block without a label', '```\none\n```\n```\ntwo\n```', 'two\n'],
    ['only what follows the thinking', '<think>```python\nno\n```</think>\n```python\nyes\n```', 'yes\n'],
    ['an unclosed block', '```python\nx = 1\n', 'x = 1\n\n'],
    ['everything if nothing is fenced', 'print(1)', 'print(1)'],
    ['a block in a list', '1. Code:\n\n   ```python\n   if x:\n     y()\n   ```\nDone.', 'if x:\n  y()\n'],
    ['a block indented by tabs', '-\n\t\t```py\n\t\tx()\n\t\t```', 'x()\n'],
    ['a block whose body is not indented like its fence', '  ```python\nx()\n  ```', 'x()\n'],
    [
      'a block closed at the end of its last line',
      '```python\nx = 1\nprint(x)```\nDone.',
      'x = 1\nprint(x)\n',
    ],
    [
      'the program before an output, closed at the end of a line',
      '```python\nprint(1)```\nIt prints:\n```\n1\n```',
      'print(1)\n',
    ],
    ['the second of two closed at the end of a line', '```python\na()```\nor\n```python\nb()```\n', 'b()\n'],
    [
      'a docstring whose line ends in a fence',
      '```python\n"""\nUsage: ```\nf()\n"""\n```',
      '"""\nUsage: ```\nf()\n"""\n',
    ],
    ['a block that opens after a word', 'Answer:```python\nx()\n```', 'x()\n'],
    ['a block that opens after words, without a label', 'The code is: ```\nx()\n```', 'x()\n'],
    ['a block after inline code', 'Use ```f``` so:\n```python\nf()\n```', 'f()\n'],
    ['the text before a lone closing fence', 'n = 1\nprint(n)\n```\nThis prints one.', 'n = 1\nprint(n)\n'],
    ['the text before a last fence', 'print(1)\n```', 'print(1)\n'],
    ['an unclosed block without a label', 'This is it:\n```\nprint(1)\n', 'print(1)\n\n'],
    ['a program that ends in a fence', 'n = 1\nprint(n)```', 'n = 1\nprint(n)\n'],
    ['a block whose closing fence is followed by words', '```python\nx()\n``` That is it.\n', 'x()\n'],
    ['a block closed by a labelled fence', '```python\nx()\n```python', 'x()\n'],
    ['the second block if the first was never closed', '```python\na()\n```python\nb()\n```', 'b()\n'],
    ['a block in a quote', '> ```python\n> if x:\n>   y()\n> ```', 'if x:\n  y()\n'],
    ['code between fences on one line', 'Sure: ```python print(1)```', 'print(1)\n'],
    ['a block rather than code between fences on one line', '```\nf()\n```\nCall it by ```f```', 'f()\n'],
    ['the content of an answer tag', 'So:\n<answer>\nprint(1)\n</answer>', '\nprint(1)\n'],
    ['a block after a byte order mark', '\uFEFF```python\nx()\n```', 'x()\n'],
    ['a program after a byte order mark', '\uFEFFx()', 'x()'],
    ['a block labelled with a version', '```Python3.11\none\n```\n```text\ntwo\n```', 'one\n'],
    ['a block labelled as an attribute', '```{.python}\none\n```\n```text\ntwo\n```', 'one\n'],
    ['a block whose fence is longer', '````python\n"""\n```\n"""\n````', '"""\n```\n"""\n'],
  ])('extracts the program: %s', (_, completion, program) => {
    expect(extractProgram(completion)).toBe(program);
  });

  test.each(['', '  \n', '<think>print(1)</think>', 'thinking</think>\n```python\n```'])(
    'returns null for %j',
    (text) => {
      expect(extractProgram(text)?.replaceAll(/`|python|\s/g, '') ?? '').toBe('');
    },
  );

  test.each([
    ['20,000 fences', '```python\nx\n'.repeat(20_000)],
    ['20,000 fences at line ends', '```python\nx```\n'.repeat(20_000)],
    ['a line of blanks after a fence', `x\n\`\`\`\n${' '.repeat(200_000)}x`],
    ['a line of backticks', `${'` '.repeat(100_000)}\n\`\`\``],
    ['a line of brackets', `f(${') '.repeat(100_000)}x\n\`\`\``],
    ['many answer tags', '<answer>'.repeat(50_000)],
  ])('takes linear time for %s', (_, completion) => {
    const clock = startCpuClock();
    extractProgram(completion);
    expect(clock()).toBeLessThan(1000);
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

  test('adds only the preamble to a program that defines the function', () => {
    expect(completeProgram('def f():\n    return 1', tests)).toBe('import math\ndef f():\n    return 1');
    expect(completeProgram('f = lambda: 1', tests)).toBe('import math\nf = lambda: 1');
  });

  test('removes the indentation of a program that is indented as a whole', () => {
    expect(completeProgram('  def f():\n    return 1\n\n', tests)).toBe(
      'import math\ndef f():\n  return 1\n\n',
    );
    const printed: ProblemTests = { type: 'stdio', language: 'python', cases: [{ input: '', output: '1' }] };
    expect(completeProgram('\n    x = 1\n    print(x)', printed)).toBe('\nx = 1\nprint(x)');
    expect(completeProgram('  x = """\na"""', printed)).toBe('  x = """\na"""');
  });

  test('adds the opening to a program that continues the prompt', () => {
    expect(completeProgram('    return 1', tests)).toBe('import math\ndef f():\n    return 1');
  });

  test('keeps future imports first', () => {
    expect(completeProgram('from __future__ import annotations\ndef f(): pass', tests)).toMatch(
      /^from __future__/,
    );
  });
});
