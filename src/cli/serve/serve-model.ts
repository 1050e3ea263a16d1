import { basename, resolve } from 'node:path';
import type { Command } from 'commander';
import { chooseEngine, locateModel } from '../../models/open-model.ts';
import { serveModel } from '../../services/model/serve-model.ts';
import { addListenOptions, type ListenFlags, tokenFromEnvironment, untilStopped } from '../listening.ts';
import {
  addEngineOptions,
  addTrustOption,
  type EngineFlags,
  type TrustFlags,
  wholeNumber,
} from '../options.ts';
import { outputOf } from '../output.ts';

interface Flags extends EngineFlags, ListenFlags, TrustFlags {
  readonly name?: string;
  readonly maxTokens?: number;
  readonly maxWaiting: number;
  readonly strategy?: string;
}

/** `gradus serve model`: serves a model over OpenAI's API, for evaluation harnesses and other programs. */
export function addServeModelCommand(serve: Command): void {
  const command = serve
    .command('model')
    .description("serve a model over OpenAI's API; clients must send the token in GRADUS_TOKEN, if it is set")
    .argument('<model>', 'model folder or run directory');
  addListenOptions(addTrustOption(addEngineOptions(command)), 8378)
    .option('--name <name>', 'name of the model in requests (default: the name of its folder)')
    .option('--max-tokens <n>', "longest completion in tokens (default: the model's window)", wholeNumber(1))
    .option(
      '--max-waiting <n>',
      'maximum number of completions in flight or queued; further requests get 429',
      wholeNumber(1),
      4096,
    )
    .option(
      '--strategy <file>',
      'JSON file with a strategy: write several answers per choice and return the best',
    )
    .action(async (model: string, flags: Flags) => {
      const { host, port, name, maxTokens, maxWaiting, strategy, trust, ...choice } = flags;
      const output = outputOf(command);
      const source = await locateModel(model, { trust });
      await using service = await serveModel(source, chooseEngine(source, choice), {
        host,
        port,
        token: tokenFromEnvironment(),
        name: name ?? basename(resolve(model)),
        maxWaiting,
        strategyFile: strategy,
        ...(maxTokens !== undefined && { maxTokens }),
      });
      const { url } = service;
      await untilStopped(output, { url }, `listening on ${url}/v1`);
      output.result({ url, stopped: true }, 'stopping when the requests in flight have finished');
    });
}
