import { spawn } from 'node:child_process';
import { cpus } from 'node:os';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Problem, ProblemTests } from '../../src/core/problem.ts';
import { pythonSandbox } from '../../src/sandbox/python/python-sandbox.ts';
import { code, openCode, type CodeVerifier } from '../../src/verifiers/code/code.ts';
import {
  checkedCheats,
  checkedTests,
  functionCheats,
  functionTests,
  honestFunction,
  honestPair,
  honestScript,
  honestStructure,
  printedCheats,
  printedTests,
  structureCheats,
  structureTests,
  type Cheat,
} from './cheats.ts';

const rounds = Number(process.env['GRADUS_HOSTILE_ROUNDS'] ?? 1);

const problem = (id: string, tests: ProblemTests): Problem => ({
  id,
  domain: 'code',
  prompt: [],
  source: 'test',
  tests,
});
const rules = { maxCpuMs: 500 };
const functionProblem = problem('f', {
  type: 'asserts',
  language: 'python',
  setup: '',
  ...functionTests,
  ...rules,
});
const checkedProblem = problem('c', { type: 'stdio', language: 'python', ...checkedTests, ...rules });
const structureProblem = problem('s', { type: 'asserts', language: 'python', ...structureTests, ...rules });
const contestProblem = problem('n', {
  type: 'stdio',
  language: 'python',
  cases: printedTests,
  comparison: 'numbers',
  ...rules,
});
const printedProblem = problem('p', { type: 'stdio', language: 'python', cases: printedTests, ...rules });

const verifier: CodeVerifier = openCode(code({ sandbox: pythonSandbox() }));
const trouble = await verifier.environment().then(
  () => null,
  (error: Error) => error.message,
);
const isHere = trouble === null;
const why = isHere ? '' : ` (skipped: ${trouble})`;
afterAll(() => verifier[Symbol.asyncDispose]());

async function outcomes(
  target: Problem,
  cheats: readonly Cheat[],
): Promise<{ name: string; outcome: string }[]> {
  return Promise.all(
    cheats.map(async ({ name, source }) => ({
      name,
      outcome: (await verifier.verify(target, `\`\`\`python\n${source}\n\`\`\``)).outcome,
    })),
  );
}

test('contains many cheats with distinct names', () => {
  const names = [...functionCheats, ...printedCheats, ...checkedCheats, ...structureCheats].map(
    ({ name }) => name,
  );
  expect(names.length).toBeGreaterThanOrEqual(30);
  expect(new Set(names).size).toBe(names.length);
});

describe.skipIf(!isHere)(`the code verifier${why}`, () => {
  test(
    'is not fooled by any cheat, and judges none as ungradable',
    { timeout: 60_000 * rounds },
    async () => {
      for (let round = 0; round < rounds; round++) {
        const all = [
          ...(await outcomes(functionProblem, functionCheats)),
          ...(await outcomes(printedProblem, printedCheats)),
          // These tests accept a whole number written as a float.
          ...(await outcomes(
            contestProblem,
            printedCheats.filter(({ name }) => name !== 'print the answer with a fraction'),
          )),
          ...(await outcomes(checkedProblem, checkedCheats)),
          ...(await outcomes(structureProblem, structureCheats)),
        ];
        expect(all.filter(({ outcome }) => outcome === 'correct' || outcome === 'ungradable')).toEqual([]);
      }
    },
  );

  test('accepts the honest programs', async () => {
    expect(await outcomes(functionProblem, [{ name: 'f', source: honestFunction }])).toEqual([
      { name: 'f', outcome: 'correct' },
    ]);
    expect(await outcomes(printedProblem, [{ name: 'p', source: honestScript }])).toEqual([
      { name: 'p', outcome: 'correct' },
    ]);
    expect(await outcomes(contestProblem, [{ name: 'n', source: honestScript }])).toEqual([
      { name: 'n', outcome: 'correct' },
    ]);
    expect(await outcomes(checkedProblem, [{ name: 'c', source: honestPair }])).toEqual([
      { name: 'c', outcome: 'correct' },
    ]);
    expect(await outcomes(structureProblem, [{ name: 's', source: honestStructure }])).toEqual([
      { name: 's', outcome: 'correct' },
    ]);
  });

  test('would be fooled if it ran tests and program in one process', { timeout: 60_000 }, async () => {
    const script = problem('naive', {
      type: 'stdio',
      language: 'python',
      cases: [{ input: '', output: '' }],
      ...rules,
    });
    const tests = ['import math', ...functionTests.tests].join('\n');
    // The usual method appends the tests and trusts the exit code (here: a normal end without
    // output).
    const naive = functionCheats.map(({ name, source }) => ({ name, source: `${source}\n${tests}` }));
    const fooled = (await outcomes(script, naive)).filter(({ outcome }) => outcome === 'correct');
    expect(fooled.length).toBeGreaterThanOrEqual(5);
  });
});

describe.skipIf(!isHere)(`under full load${why}`, () => {
  const hogs: ReturnType<typeof spawn>[] = [];
  beforeAll(() => {
    for (let i = 0; i < 2 * cpus().length; i++)
      hogs.push(spawn(process.execPath, ['-e', 'for (;;);'], { stdio: 'ignore' }));
  });
  afterAll(() => {
    for (const hog of hogs) hog.kill('SIGKILL');
  });

  test(
    'never times out honest programs that use most of their CPU time',
    { timeout: 120_000 * rounds },
    async () => {
      const work = 'import time\nwhile time.process_time() < 0.3: pass\n';
      for (let round = 0; round < rounds; round++) {
        const honest = Array.from({ length: 4 }, (_, i) => ({ name: `${i}`, source: work }));
        const asFunctions = honest.map(({ name, source }) => ({ name, source: source + honestFunction }));
        const asScripts = honest.map(({ name, source }) => ({ name, source: source + honestScript }));
        const all = [
          ...(await outcomes(functionProblem, asFunctions)),
          ...(await outcomes(printedProblem, asScripts)),
        ];
        expect(new Set(all.map(({ outcome }) => outcome))).toEqual(new Set(['correct']));
      }
    },
  );
});
