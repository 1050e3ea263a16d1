import type { Command } from 'commander';
import { EngineError } from '../core/errors.ts';
import { alignColumns } from '../core/table.ts';
import { checkSystem, installTorch, type SystemCheck } from '../training/system-checks.ts';
import { outputOf } from './output.ts';

/** `gradus doctor`: whether Gradus can work on this machine, and what to do where it cannot. */
export function addDoctorCommand(program: Command): void {
  program
    .command('doctor')
    .description('check whether this machine can train')
    .option('--runs <folder>', 'where runs shall be made', 'runs')
    .option('--fix', 'make the Python environment of the PyTorch engine, for a GPU where there is one')
    .action(async ({ runs, fix }: DoctorFlags, command: Command) => {
      const output = outputOf(command);
      if (fix === true) await installTorch(output.say);
      const checks = await checkSystem(runs);
      output.result(checks, alignColumns(checks.map(cells)));
      const missing = checks.filter(({ status }) => status === 'missing');
      if (missing.length === 0) return;
      throw new EngineError(
        `Gradus cannot train here; missing: ${missing.map(({ name }) => name).join(', ')}`,
        {
          code: 'SYSTEM_UNFIT',
          tryNext: missing.map(({ advice }) => advice).join('; '),
        },
      );
    });
}

interface DoctorFlags {
  readonly runs: string;
  readonly fix?: boolean;
}

const cells = ({ name, status, found, advice }: SystemCheck): string[] => [
  status,
  name,
  advice === undefined ? found : `${found}: ${advice}`,
];
