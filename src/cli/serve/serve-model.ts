import { once } from 'node:events';
import { basename, resolve } from 'node:path';
import type { Command } from 'commander';
import { chooseEngine, locateModel } from '../../models/open-model.ts';
import { serveModel } from '../../services/model/serve-model.ts';
import { withInterrupt } from '../interrupt.ts';
import { addEngineOptions, type EngineFlags, wholeNumber } from '../options.ts';
import { outputOf } from '../output.ts';

interface Flags extends EngineFlags {
  readonly host: string;
  readonly port: number;
  readonly name?: string;
  readonly maxTokens?: number;
  readonly maxWaiting: number;
}

/** `gradus serve model`: a model behind OpenAI's API, for evaluation harnesses and other programs. */
export function addServeModelCommand(serve: Command): void {
  addEngineOptions(serve.command('model'))
    .description("offer a model over OpenAI's API; GRADUS_TOKEN in the environment is asked of clients")
    .argument('<model>', 'model folder or run directory')
    .option('--host <address>', 'where to listen; off loopback a token is needed', '127.0.0.1')
    .option('--port <n>', '0: any free port', wholeNumber(0, 65_535), 8378)
    .option('--name <name>', 'what clients call the model; default: the name of its folder')
    .option(
      '--max-tokens <n>',
      "longest completion anyone may ask for; default: the model's window",
      wholeNumber(1),
    )
    .option(
      '--max-waiting <n>',
      'completions that may wait; beyond it requests are told to come back',
      wholeNumber(1),
      4096,
    )
    .action(async (model: string, flags: Flags, command: Command) => {
      const { host, port, name, maxTokens, maxWaiting, ...choice } = flags;
      const token = process.env['GRADUS_TOKEN'];
      const output = outputOf(command);
      const source = await locateModel(model);
      await using service = await serveModel(source, chooseEngine(source, choice), {
        host,
        port,
        name: name ?? basename(resolve(model)),
        maxWaiting,
        ...(maxTokens !== undefined && { maxTokens }),
        ...(token !== undefined && token !== '' && { token }),
      });
      await withInterrupt(async (signal) => {
        output.event({ type: 'listening', url: service.url });
        output.say(`listening on ${service.url}/v1`);
        await once(signal, 'abort');
      });
      output.result({ url: service.url, stopped: true }, 'answering what was accepted, then stopping');
    });
}
