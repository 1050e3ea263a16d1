import { DataError } from '../../../core/errors.ts';
import type { ProblemTests } from '../../../core/problem.ts';

/** Information that accompanies the tests. */
interface Given {
  /** The function under test; default: the one that the tests call. */
  readonly entryPoint?: string | undefined;
  /** Code that both program and tests need: imports and helpers from the prompt. */
  readonly preamble?: string;
  /** Imports for the program only: in the tests, their names would hide functions of the program. */
  readonly imports?: string;
  readonly opening?: string;
}

/**
 * Reads tests written as Python code, in the first of these forms that occurs: a `check(candidate)` with or without its
 * calls, unittest classes, test functions and classes that pytest would collect, plain assertions. A test that cannot
 * run in the judge's process (because it uses mocks, captured output or unknown fixtures) makes the problem ungradable.
 */
export function testsOfCode(
  code: string,
  { entryPoint, preamble = '', imports = '', opening }: Given,
): ProblemTests {
  const lines = code.split('\n').filter((line) => !/^(?:unittest|pytest)\.main\(/.test(line));
  const calls = lines.filter((line) => line.startsWith('check('));
  const checks = calls.length === 0 && entryPoint !== undefined ? [`check(${entryPoint})`] : calls;
  const checked = /^check\(\s*(\w+)/m.exec(checks.join('\n'))?.[1];
  const runs = testRuns(lines);
  const hasCheck = lines.some((line) => line.startsWith('def check(')) && checks.length > 0;
  const asserts = lines.some((line) => /^assert\b/.test(line)) ? [lines.join('\n')] : [];
  const tests = [hasCheck ? checks : [], runs, asserts].find((found) => found.length > 0);
  if (tests === undefined) {
    throw new DataError(
      'expected test code with check(candidate), a unittest class, test functions or assertions, got none of these',
    );
  }
  const setup = tests === asserts ? [] : lines.filter((line) => !calls.includes(line));
  return {
    type: 'asserts',
    language: 'python',
    ...(imports + preamble === '' ? {} : { preamble: imports + preamble }),
    ...(opening === undefined ? {} : { opening }),
    setup: `${preamble}\n${setup.join('\n')}\n`,
    entryPoint: entryPoint ?? checked ?? functionUnderTest(tests === runs ? code : lines.join('\n'), ''),
    tests,
  };
}

/** Reads assertions listed one by one, to be run after `setup`. */
export function testsOfAsserts(
  asserts: readonly string[],
  { entryPoint, imports = '', preamble = '', setup = '' }: Given & { readonly setup?: string } = {},
): ProblemTests {
  return {
    type: 'asserts',
    language: 'python',
    ...(imports + preamble === '' ? {} : { preamble: imports + preamble }),
    setup: preamble + setup,
    entryPoint: entryPoint ?? functionUnderTest(asserts.join('\n'), ''),
    tests: [...asserts],
  };
}

/** Returns one call to the judge's `__run_test__` for each test that unittest or pytest would collect. */
function testRuns(lines: readonly string[]): string[] {
  const runs: string[] = [];
  let suite: { readonly name: string; indent: number | null } | null = null;
  for (const line of lines) {
    const [, kind, bases = ''] = /^class\s+(\w+)\s*(?:\(([^)]*)\))?\s*:/.exec(line) ?? [];
    const [, indent, name] = /^(\s*)(?:async\s+)?def\s+(\w+)\s*\(/.exec(line) ?? [];
    if (kind !== undefined)
      suite = /TestCase\b/.test(bases) || kind.startsWith('Test') ? { name: kind, indent: null } : null;
    else if (indent === '' && name!.startsWith('test')) runs.push(`__run_test__(${name})`);
    if (indent === '') suite = null;
    if (suite === null || indent === undefined || name === undefined) continue;
    suite.indent ??= indent.length;
    if (indent.length === suite.indent && name.startsWith('test'))
      runs.push(`__run_test__(${suite.name}, "${name}")`);
  }
  return runs;
}

const pythonNames = new Set(
  (
    'abs all any bool bytes dict enumerate float frozenset int isinstance len list map max min not print range reversed round ' +
    'set sorted str sum tuple type zip isclose and or in is if for assert return def raises approx'
  ).split(' '),
);

/**
 * Returns the first function that the tests call and the reference defines, or else the first function called that is
 * neither built in nor defined by the tests.
 */
export function functionUnderTest(tests: string, reference: string): string {
  const imported = /^from solution import\s+(\w+)/m.exec(tests)?.[1];
  if (imported !== undefined) return imported;
  const called = [...tests.matchAll(/(?<![\w.])([A-Za-z_]\w*)\s*\(/g)].map(([, name]) => name!);
  const definedIn = (code: string): Set<string> =>
    new Set([...code.matchAll(/^\s*(?:async\s+)?(?:def|class)\s+(\w+)/gm)].map(([, name]) => name!));
  const [solved, tested] = [definedIn(reference), definedIn(tests)];
  const candidates = called.filter((one) => !tested.has(one));
  const name = candidates.find((one) => solved.has(one)) ?? candidates.find((one) => !pythonNames.has(one));
  if (name === undefined)
    throw new DataError(`expected assertions that call a function, got ${tests.slice(0, 100)}`);
  return name;
}
