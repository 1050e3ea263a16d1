import { availableParallelism } from 'node:os';
import type { Command } from 'commander';
import { loadRecipe } from '../../recipe/load.ts';
import { code } from '../../verifiers/code/code.ts';
import { defaultVerifiers, type Grader, openGrader } from '../../services/verifier/grader.ts';
import { startVerifierService } from '../../services/verifier/service.ts';
import { addListenOptions, type ListenFlags, tokenFromEnvironment, untilStopped } from '../listening.ts';
import { wholeNumber } from '../options.ts';
import { outputOf } from '../output.ts';

interface Flags extends ListenFlags {
  readonly recipe?: string;
  readonly maxItems: number;
  readonly maxMib: number;
}

/** `gradus serve verifier`: serves verdicts over HTTP, for trainers in other languages. */
export function addServeVerifierCommand(serve: Command): void {
  const command = serve
    .command('verifier')
    .description('serve verdicts over HTTP; clients must send the token in GRADUS_TOKEN, if it is set');
  addListenOptions(command, 8377)
    .option(
      '--recipe <file>',
      'recipe with the verifiers to serve, by domain (default: math, code, javascript)',
    )
    .option(
      '--max-items <n>',
      'maximum number of items in flight or queued; a larger batch gets 413, further requests 503',
      wholeNumber(1),
      8192,
    )
    .option('--max-mib <n>', 'largest request body in MiB', wholeNumber(1), 64)
    .action(async (flags: Flags) => {
      const { host, port, maxItems } = flags;
      const output = outputOf(command);
      await using grader = await graderFor(flags);
      await using service = await startVerifierService(grader, {
        host,
        port,
        token: tokenFromEnvironment(),
        maxItems,
        maxBodyBytes: flags.maxMib * 2 ** 20,
        width: 2 * availableParallelism(),
      });
      const { url } = service;
      const { verifiers } = grader;
      const line = `listening on ${url}; verifiers: ${Object.keys(verifiers).join(', ')}`;
      await untilStopped(output, { url, verifiers }, line);
      output.result({ url, stopped: true }, 'stopping when the requests in flight have finished');
    });
}

async function graderFor({ recipe: file }: Flags): Promise<Grader> {
  if (file === undefined) {
    const lanes = availableParallelism();
    return openGrader({ ...defaultVerifiers(), code: code({ sandbox: { type: 'python', lanes } }) });
  }
  const recipe = await loadRecipe(file);
  return openGrader(recipe.verifiers, recipe.baseDir);
}
