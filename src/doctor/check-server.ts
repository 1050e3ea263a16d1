import { ConfigError } from '../core/errors.ts';
import { type ServerFeature, serverFeatures } from '../engines/engine.ts';
import { readAddress } from '../engines/openai/address.ts';
import { openaiConfig, type OpenaiOptions } from '../engines/openai/config.ts';
import { clientOf } from '../engines/openai/engine.ts';
import { findFeatures, type FoundFeatures, listModels } from '../engines/openai/features.ts';
import { parseConfig } from '../recipe/explain.ts';
import type { SystemCheck } from './system-checks.ts';

/** What each feature is for. */
const meanings: Readonly<Record<ServerFeature, string>> = {
  chat: 'chat completions: the server applies the chat template',
  completions: 'plain completions, for base models',
  tokenPrompts: 'prompts as tokens, for a template of our own',
  logprobs: 'log-probabilities',
  tokenIds: 'tokens with their log-probabilities',
  choices: 'several attempts a request (n), the prompt read once',
  seed: 'the same seed writes the same',
  usage: 'says what an answer took: cost and budgets',
  stream: 'streams, which show a stall early',
};

/**
 * Finds out what a model server offers by small requests.
 *
 * @param model the name the server knows; absent: the first it names.
 * @throws ConfigError when neither is known; EngineError when nobody listens at the address.
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
    throw new ConfigError(`${address.shown}: expected a server that names its models, got none; say which`, {
      tryNext: `gradus doctor ${address.shown} --model <name>`,
    });
  }
  const asking = { model: chosen, lengthField: config.lengthField };
  const found = await findFeatures(client, asking, serverFeatures, signal);
  return [modelCheck(chosen, found), ...serverFeatures.map((feature) => featureCheck(feature, found))];
}

function modelCheck(model: string, { features, models, maxSequenceTokens }: FoundFeatures): SystemCheck {
  const answers = [features.chat, features.completions].includes('yes');
  return {
    name: 'model',
    status: answers ? 'ok' : 'missing',
    found: `${model}${maxSequenceTokens === undefined ? '' : `, at most ${maxSequenceTokens} tokens`}`,
    advice: answers ? undefined : `no answer; the server names ${models?.join(', ') ?? 'no models'}`,
  };
}

function featureCheck(
  feature: ServerFeature,
  { features, reasons, firstPieceMs }: FoundFeatures,
): SystemCheck {
  const soon = feature === 'stream' && firstPieceMs !== undefined;
  const verdict = features[feature];
  const reason = reasons[feature]?.replaceAll(/\s+/g, ' ');
  return {
    name: feature,
    status: verdict === 'yes' ? 'ok' : verdict === 'no' ? 'absent' : 'info',
    found: meanings[feature] + (soon ? `; the first piece after ${Math.round(firstPieceMs)} ms` : ''),
    advice: reason !== undefined && reason.length > 100 ? `${reason.slice(0, 100)}…` : reason,
  };
}
