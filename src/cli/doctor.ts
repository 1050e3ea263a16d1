import type { Command } from 'commander';
import { EngineError } from '../core/errors.ts';
import { alignColumns } from '../core/table.ts';
import { checkModelServer } from '../doctor/check-server.ts';
import { checkSystem, installTorch, type SystemCheck } from '../doctor/system-checks.ts';
import { withInterrupt } from './interrupt.ts';
import { outputOf } from './output.ts';

interface Flags {
  readonly runs: string;
  readonly fix?: boolean;
  readonly model?: string;
  readonly apiKeyEnv?: string;
}

/** `gradus doctor [url]`: whether Gradus can work on this machine, or through a model server, and what to do where not. */
export function addDoctorCommand(program: Command): void {
  program
    .command('doctor')
    .description('check whether this machine can train, or what a model server offers')
    .argument('[url]', "a model server's address with its version, e.g. http://127.0.0.1:8000/v1")
    .option('--model <name>', 'what to ask the server for; default: the first model it names')
    .option('--api-key-env <name>', "the environment variable that holds the server's key")
    .option('--runs <folder>', 'where runs shall be made', 'runs')
    .option('--fix', 'make the Python environment of the PyTorch engine, for a GPU where there is one')
    .action(async (url: string | undefined, flags: Flags, command: Command) => {
      const output = outputOf(command);
      if (flags.fix === true) await installTorch(output.say);
      const checks = url === undefined ? await checkSystem(flags.runs) : await checkServer(url, flags);
      output.result(checks, alignColumns(checks.map(cells)));
      const missing = checks.filter(({ status }) => status === 'missing');
      if (missing.length === 0) return;
      throw new EngineError(
        `Gradus cannot work here; missing: ${missing.map(({ name }) => name).join(', ')}`,
        {
          code: 'SYSTEM_UNFIT',
          tryNext:
            url === undefined
              ? missing.map(({ advice }) => advice).join('; ')
              : `gradus doctor ${url} --model <name>`,
        },
      );
    });
}

const checkServer = (baseUrl: string, { model, apiKeyEnv }: Flags): Promise<SystemCheck[]> =>
  withInterrupt((signal) =>
    checkModelServer({ baseUrl, apiKeyEnv }, model, signal).catch((error: unknown) => {
      // Other commands recommend this one; to recommend it here would lead nowhere.
      if (!(error instanceof EngineError)) throw error;
      const { code, message } = error;
      throw new EngineError(message, { code, cause: error, tryNext: `curl ${baseUrl}/models` });
    }),
  );

const cells = ({ name, status, found, advice }: SystemCheck): string[] => [
  status,
  name,
  advice === undefined ? found : `${found}: ${advice}`,
];
