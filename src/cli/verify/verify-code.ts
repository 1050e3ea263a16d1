import { readFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import type { Command } from 'commander';
import { parseJson } from '../../core/lossless-json.ts';
import { ConfigError, DataError } from '../../core/errors.ts';
import { parseConfig } from '../../recipe/parse-config.ts';
import { applyOverrides } from '../../recipe/overrides.ts';
import { code, codeConfig } from '../../verifiers/code/code.ts';
import { explainVerdict } from '../../verifiers/explain-verdict.ts';
import { type Grader, openGrader } from '../../services/verifier/grader.ts';
import { javascriptTests } from '../../verifiers/javascript-tests.ts';
import { printCases } from './cases.ts';
import { withInterrupt } from '../interrupt.ts';
import { collect } from '../options.ts';
import { outputOf } from '../output.ts';

interface Flags {
  readonly cases?: string;
  readonly set: readonly string[];
}

/** `gradus verify code`: runs a program against a problem's tests. */
export function addVerifyCodeCommand(verify: Command): void {
  verify
    .command('code')
    .description('run a program in a sandbox against the tests of a problem')
    .argument('[problem]', 'JSON file with one problem, in any known format')
    .argument('[program]', 'file with a program, or with a completion that contains one')
    .option('--cases <file>', 'JSON list of {problem, program}; prints one JSON verdict per line, in order')
    .option(
      '--set <option=value>',
      'override one verifier option, e.g. score=fraction or maxCpu=10s; repeatable',
      collect,
      [],
    )
    .action(
      async (problem: string | undefined, program: string | undefined, flags: Flags, command: Command) => {
        const lanes = availableParallelism();
        const given = code({ sandbox: { type: 'python', lanes } });
        const config = parseConfig(codeConfig, applyOverrides(given, flags.set), 'code verifier');
        await using grader = openGrader({
          code: config,
          javascript: javascriptTests({ score: 'all', lanes }),
        });
        await withInterrupt(async (signal) => {
          if (flags.cases !== undefined) return printCases(grader, flags.cases, 2 * lanes, signal);
          const verdict = await gradeFiles(grader, problem, program, signal);
          outputOf(command).result(verdict, explainVerdict(verdict));
        });
      },
    );
}

async function gradeFiles(
  grader: Grader,
  problem: string | undefined,
  program: string | undefined,
  signal: AbortSignal,
) {
  if (problem === undefined || program === undefined) {
    throw new ConfigError('expected a problem file and a program file, or --cases', {
      tryNext: 'gradus verify code problem.json program.py',
    });
  }
  return grader.grade({ problem: await readJson(problem), program: await read(program) }, problem, signal);
}

async function readJson(file: string): Promise<unknown> {
  const text = await read(file);
  try {
    return parseJson(text);
  } catch (cause) {
    throw new DataError(`${file}: expected one problem as JSON (${String(cause)})`, {
      cause,
      tryNext: `head -1 ${file} > problem.json`,
    });
  }
}

async function read(file: string): Promise<string> {
  return readFile(file, 'utf8').catch((cause: unknown) => {
    throw new DataError(`${file}: cannot be read (${String(cause)})`, {
      cause,
      tryNext: 'gradus verify code --help',
    });
  });
}
