import type { ProblemTests } from '../../core/problem.ts';
import { at, type Columns } from './shape.ts';

/** LiveCodeBench's instructions, verbatim, so that results are comparable. */
const withStarter =
  'You will use the following starter code to write the solution to the problem and enclose your code within delimiters.';
const withStdin =
  'Read the inputs from stdin solve the problem and write the answer to stdout (do not directly test on the sample inputs). ' +
  'Enclose your code within delimiters as follows. Ensure that when the python program runs, it reads the inputs, runs the ' +
  'algorithm and writes output to STDOUT.';
/** The instruction of the MBPP paper (Austin et al., arXiv 2108.07732). */
const withTests = 'Your code should pass these tests:';
const withName = 'Write a function of this name:';
const withDeclaration = 'Begin the function with this line:';

/**
 * Returns a note on the interface that the tests require, which many data sets keep in other columns: starter code, a
 * declaration, the tests that call the function, or input from stdin. Empty if the prompt already describes the interface.
 */
export function interfaceNote(row: Columns, tests: ProblemTests, question: string): string {
  const starter = row['starter_code'];
  if (typeof starter === 'string' && starter.trim() !== '')
    return `\n\n${withStarter}\n\`\`\`python\n${starter}\n\`\`\``;
  if (Array.isArray(row['test_list'])) return `\n\n${withTests}\n\n${row['test_list'].join('\n')}`;
  const declaration = at(row, 'test_info.0.function_declaration');
  if (typeof declaration === 'string' && declaration !== '' && !question.includes(declaration))
    return `\n\n${withDeclaration}\n\`\`\`python\n${declaration}\n\`\`\``;
  if (tests.type === 'stdio') return `\n\n${withStdin}\n\`\`\`python\n# YOUR CODE HERE\n\`\`\``;
  const isSaid = tests.type === 'asserts' && new RegExp(`\\b${tests.entryPoint}\\b`).test(question);
  return isSaid ? '' : `\n\n${withName} ${tests.entryPoint}`;
}

const note = new RegExp(
  `\\n\\n(?:${[withStarter, withStdin, withTests, withName, withDeclaration].map((text) => text.replaceAll(/[.()]/g, '\\$&')).join('|')})[^]*$`,
);

/** Removes the interface note, so that equal questions from different data sets compare as equal. */
export const withoutInterfaceNote = (question: string): string => question.replace(note, '');
