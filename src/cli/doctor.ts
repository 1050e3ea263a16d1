import type { Command } from 'commander';
import { EngineError } from '../core/errors.ts';
import { alignColumns } from '../core/text/table.ts';
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

/** `gradus doctor [url]`: checks this machine or a model server, and suggests a fix for each missing part. */
export function addDoctorCommand(program: Command): void {
  program
    .command('doctor')
    .description('check that this machine can train, or which features a model server has')
    .argument('[url]', 'base URL of a model server, e.g. http://127.0.0.1:8000/v1')
    .option('--model <name>', 'model to request from the server (default: the first it lists)')
    .option('--api-key-env <name>', "environment variable with the server's API key")
    .option('--runs <folder>', 'folder of runs to check for write access', 'runs')
    .option('--fix', 'install the Python environment of the PyTorch engine, with CUDA if there is a GPU')
    .action(async (url: string | undefined, flags: Flags, command: Command) => {
      const output = outputOf(command);
      if (flags.fix === true) await installTorch(output.say);
      const checks = url === undefined ? await checkSystem(flags.runs) : await checkServer(url, flags);
      output.result(checks, alignColumns(checks.map(cells)));
      const missing = checks.filter(({ status }) => status === 'missing');
      if (missing.length === 0) return;
      throw new EngineError(
        `this machine or server does not meet the requirements of Gradus; missing: ${missing.map(({ name }) => name).join(', ')}`,
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
      // Engine errors usually suggest `gradus doctor`, which has just run.
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
