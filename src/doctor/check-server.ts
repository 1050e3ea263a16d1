import { ConfigError } from '../core/errors.ts';
import { readAddress } from '../engines/openai/address.ts';
import { openaiConfig, type OpenaiOptions } from '../engines/openai/config.ts';
import { clientOf } from '../engines/openai/engine.ts';
import {
  findFeatures,
  type FoundFeatures,
  listModels,
  type ServerFeature,
  serverFeatures,
} from '../engines/openai/features.ts';
import { parseConfig } from '../recipe/parse-config.ts';
import type { SystemCheck } from './system-checks.ts';

/** Description of each feature. */
const meanings: Readonly<Record<ServerFeature, string>> = {
  chat: 'chat completions: the server applies the chat template',
  completions: 'plain completions, for base models',
  tokenPrompts: 'prompts as tokens, so that Gradus applies the chat template',
  logprobs: 'log-probabilities',
  tokenIds: 'tokens with their log-probabilities',
  choices: 'several completions per request (n), with one prefill',
  seed: 'equal seeds give equal completions',
  usage: 'token usage, for costs and budgets',
  stream: 'streaming, which detects stalls early',
  stop: 'stop strings kept in the text, or named',
};

/**
 * Probes with small requests which features a model server supports.
 *
 * @param model the model's name on the server; undefined: the first model that the server lists.
 * @throws ConfigError if no model is given or listed; EngineError if no server answers at the address.
 */
export async function checkModelServer(
  options: OpenaiOptions,
  model: string | undefined,
  signal: AbortSignal,
): Promise<SystemCheck[]> {
  const config = parseConfig(openaiConfig, { type: 'openai', ...options }, 'the model server');
  const address = readAddress(config.baseUrl);
  const client = clientOf(config, address);
  const chosen = model ?? (await listModels(client, signal)).models?.[0];
  if (chosen === undefined) {
    throw new ConfigError(
      `${address.shown}: expected a server that lists its models, got an empty list; pass --model`,
      {
        tryNext: `gradus doctor ${address.shown} --model <name>`,
      },
    );
  }
  const found = await findFeatures(client, { ...config, model: chosen }, serverFeatures, signal);
  return [
    modelCheck(chosen, found),
    ...serverFeatures.map((feature) => featureCheck(feature, found)),
    ...omittedCheck(found),
  ];
}

function modelCheck(model: string, { features, models, maxSequenceTokens }: FoundFeatures): SystemCheck {
  const answers = [features.chat, features.completions].includes('yes');
  return {
    name: 'model',
    status: answers ? 'ok' : 'missing',
    found: `${model}${maxSequenceTokens === undefined ? '' : `, at most ${maxSequenceTokens} tokens`}`,
    advice: answers ? undefined : `no answer; the server's models: ${models?.join(', ') ?? 'none listed'}`,
  };
}

function featureCheck(
  feature: ServerFeature,
  { features, reasons, firstPieceMs, countsOneChoice }: FoundFeatures,
): SystemCheck {
  const soon = feature === 'stream' && firstPieceMs !== undefined;
  const part = feature === 'usage' && countsOneChoice;
  const verdict = features[feature];
  const reason = reasons[feature]?.replaceAll(/\s+/g, ' ');
  return {
    name: feature,
    status: verdict === 'yes' ? 'ok' : verdict === 'no' ? 'absent' : 'info',
    found:
      meanings[feature] +
      (soon ? `; first piece after ${Math.round(firstPieceMs)} ms` : '') +
      (part ? '; it counts only one choice of n' : ''),
    advice: reason !== undefined && reason.length > 100 ? `${reason.slice(0, 100)}…` : reason,
  };
}

/** Reports request fields that the server rejects and Gradus therefore omits. */
function omittedCheck({ omitted }: FoundFeatures): SystemCheck[] {
  if (omitted.size === 0) return [];
  return [{ name: 'omitted', status: 'info', found: `omitted from requests: ${[...omitted].join(', ')}` }];
}
