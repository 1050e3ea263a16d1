import { once } from 'node:events';
import { availableParallelism } from 'node:os';
import type { Command } from 'commander';
import { loadRecipe } from '../../recipe/load.ts';
import { code } from '../../verifiers/code/code.ts';
import { defaultVerifiers, type Grader, openGrader } from '../../services/verifier/grader.ts';
import { startVerifierService } from '../../services/verifier/service.ts';
import { withInterrupt } from '../interrupt.ts';
import { wholeNumber } from '../options.ts';
import { outputOf } from '../output.ts';

interface Flags {
  readonly host: string;
  readonly port: number;
  readonly recipe?: string;
  readonly maxItems: number;
  readonly maxMib: number;
}

/** `gradus serve verifier`: verdicts over HTTP, for trainers in other languages. */
export function addServeVerifierCommand(serve: Command): void {
  serve
    .command('verifier')
    .description(
      'judge answers and programs for other trainers; GRADUS_TOKEN in the environment is asked of clients',
    )
    .option('--host <address>', 'where to listen; off loopback a token is needed', '127.0.0.1')
    .option('--port <n>', '0: any free port', wholeNumber(0, 65_535), 8377)
    .option('--recipe <file>', 'whose verifiers to offer, by domain; default: math, code, javascript')
    .option(
      '--max-items <n>',
      'items that may wait; beyond it requests are told to come back',
      wholeNumber(1),
      8192,
    )
    .option('--max-mib <n>', 'largest request', wholeNumber(1), 64)
    .action(async (flags: Flags, command: Command) => {
      const { host, port, maxItems } = flags;
      const token = process.env['GRADUS_TOKEN'];
      const output = outputOf(command);
      await using grader = await graderFor(flags);
      await using service = await startVerifierService(grader, {
        host,
        port,
        maxItems,
        maxBytes: flags.maxMib * 2 ** 20,
        width: 2 * availableParallelism(),
        ...(token !== undefined && token !== '' && { token }),
      });
      await withInterrupt(async (signal) => {
        output.event({ type: 'listening', url: service.url, verifiers: grader.verifiers });
        output.say(`listening on ${service.url}; verifiers: ${Object.keys(grader.verifiers).join(', ')}`);
        await once(signal, 'abort');
      });
      output.result({ url: service.url, stopped: true }, 'answering what was accepted, then stopping');
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
