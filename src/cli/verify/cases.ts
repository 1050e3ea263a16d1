import { readFile } from 'node:fs/promises';
import { parseJson, stringifyJson } from '../../core/lossless-json.ts';
import { DataError } from '../../core/errors.ts';
import { gradeInOrder, type Grader } from '../../services/verifier/grader.ts';

/**
 * Judges every case in a file and prints one JSON verdict per line, in the order of the file.
 *
 * @param width maximum number of cases judged at once.
 * @throws DataError when the file is neither a JSON list nor JSON Lines.
 */
export async function printCases(
  grader: Grader,
  file: string,
  width: number,
  signal?: AbortSignal,
): Promise<void> {
  const cases = await readCases(file);
  const placed = cases.map((one, i) => [one, `${file}:${i + 1}`] as const);
  for await (const verdict of gradeInOrder(grader, placed, width, signal))
    process.stdout.write(`${stringifyJson(verdict)}\n`);
}

const tryNext = 'gradus verify --help';

async function readCases(file: string): Promise<unknown[]> {
  const text = await readFile(file, 'utf8').catch((cause: unknown) => {
    throw new DataError(`${file}: expected a file of cases (${String(cause)})`, { cause, tryNext });
  });
  if (text.trimStart().startsWith('[')) return parse(text, file) as unknown[];
  return text
    .split('\n')
    .map((line, i) => [line, `${file}:${i + 1}`] as const)
    .filter(([line]) => line.trim() !== '')
    .map(([line, where]) => parse(line, where));
}

function parse(text: string, where: string): unknown {
  try {
    return parseJson(text);
  } catch (cause) {
    throw new DataError(
      `${where}: expected a JSON list of cases, or one JSON case per line: ${String(cause)}`,
      {
        cause,
        tryNext,
      },
    );
  }
}
