import * as z from 'zod';
import { DataError } from '../../../core/errors.ts';
import type { ProblemTests } from '../../../core/problem.ts';
import { readStructure } from '../structured-text.ts';
import { contestImports } from './contest-tests.ts';
import { listedTest, statedRules, testsOfList } from './listed.ts';
import { pairedTests, testsOfPairs } from './paired.ts';
import { functionUnderTest, testsOfAsserts, testsOfCode } from './test-code.ts';
import { testsSchema } from './tests-schema.ts';

type Row = Readonly<Record<string, unknown>>;

/** Tests in Gradus's own format, which name their type; tests in other formats do not. */
const ownTests = z.looseObject({ type: z.enum(['function', 'stdio', 'asserts']) });

/**
 * Test code as the ground truth of a verl row: Guru's `functional`, `pytest` and `assert_case`, Skywork-OR1's
 * `test_code`.
 */
const codeTruth = z.looseObject({
  functional: z.string().nullish(),
  pytest: z.string().nullish(),
  solution_file: z.string().nullish(),
  assert_case: z.union([z.string(), z.array(z.string())]).nullish(),
  test_code: z.string().nullish(),
  import_prefix: z.string().nullish(),
  entry_point: z.string().nullish(),
});

const prefixColumn = z.object({ extra_info: z.object({ prefix: z.string().nullish() }) });

/**
 * Reads tests in any self-describing format: Gradus's own, lists of cases or of assertions, two parallel lists, or test
 * code. A string is first parsed as JSON or Python literals.
 *
 * @param row the row that contains the value; it may also contain limits, a checker and imports.
 */
export function testsOfValue(value: unknown, row: Row, imports: string = contestImports): ProblemTests {
  const tests: unknown = typeof value === 'string' ? structureIn(value) : value;
  if (Array.isArray(tests)) {
    if (tests.every((test) => typeof test === 'string') && tests.length > 0)
      return testsOfAsserts(tests, { imports });
    return testsOfList(z.array(listedTest).min(1).parse(tests), statedRules.parse(row), imports);
  }
  if (ownTests.safeParse(tests).success) return testsSchema.parse(tests);
  const code = codeTruth.safeParse(tests).data;
  return (code && testsOfTruth(code, row)) ?? testsOfPairs(pairedTests.parse(tests));
}

/** Parses JSON or Python literals. @throws DataError for other strings. */
function structureIn(text: string): object {
  const structure = readStructure(text);
  if (structure !== undefined) return structure;
  throw new DataError(
    `expected tests as JSON or Python literals, got ${JSON.stringify(text.slice(0, 60))}; correct or remove the row`,
  );
}

function testsOfTruth(truth: z.output<typeof codeTruth>, row: Row): ProblemTests | undefined {
  const stated = prefixColumn.safeParse(row).data?.extra_info.prefix;
  const prefix = truth.import_prefix ?? stated ?? '';
  const given = { imports: contestImports, preamble: prefix === '' ? '' : `${prefix}\n` };
  const code = truth.functional ?? truth.pytest ?? truth.solution_file ?? truth.test_code;
  if (typeof code === 'string' && code.trim() !== '') {
    const call = truth.entry_point ?? undefined;
    const hasCalls = call === undefined || /^check\(/m.test(code);
    return testsOfCode(hasCalls ? code : `${code}\ncheck(${call})\n`, {
      ...given,
      ...(call === undefined ? {} : { entryPoint: functionUnderTest(`${call}(`, '') }),
    });
  }
  const asserts = [truth.assert_case ?? []].flat().filter((text) => text.trim() !== '');
  return asserts.length === 0 ? undefined : testsOfAsserts(asserts, given);
}

const verificationInfo = z.looseObject({ language: z.string().nullish(), test_cases: z.unknown() });

/** Reads the `verification_info` of SYNTHETIC-1, SYNTHETIC-2 and verifiable-coding-problems. */
export function testsOfVerificationInfo(value: unknown, row: Row): ProblemTests {
  const info = verificationInfo.parse(typeof value === 'string' ? structureIn(value) : value);
  if (info.language != null && !/^python3?$/i.test(info.language))
    throw new DataError(`expected tests of a Python program, got language "${info.language}"`);
  return testsOfValue(info.test_cases, row);
}
