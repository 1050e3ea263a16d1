import type { ProblemTests } from '../../core/problem.ts';
import { at, type Columns } from './shape.ts';

/** What LiveCodeBench tells a model beside the question, word for word, so that its figures can be compared. */
const withStarter =
  'You will use the following starter code to write the solution to the problem and enclose your code within delimiters.';
const withStdin =
  'Read the inputs from stdin solve the problem and write the answer to stdout (do not directly test on the sample inputs). ' +
  'Enclose your code within delimiters as follows. Ensure that when the python program runs, it reads the inputs, runs the ' +
  'algorithm and writes output to STDOUT.';
/** As the paper of MBPP asks (Austin et al., arXiv 2108.07732). */
const withTests = 'Your code should pass these tests:';
const withName = 'Write a function of this name:';
const withDeclaration = 'Begin the function with this line:';

/**
 * What a program has to look like for its tests, which many data sets say in columns of their own: the starter code, the
 * tests that call it, or where input comes from. Without it a model can only guess. Empty where the prompt says it itself.
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

/** A question as its author asked it: data sets that state the form of programs otherwise have the same question. */
export const withoutInterfaceNote = (question: string): string => question.replace(note, '');
