import { ConfigError, EngineError } from '../../core/errors.ts';
import type { Engine, EngineInfo, Renderer, ServerFeature } from '../engine.ts';
import { type ModelTokenizer, openTokenizer } from '../model-files/tokenizer.ts';
import { type Address, readAddress } from './address.ts';
import type { ClientOptions } from './client.ts';
import type { OpenaiConfig } from './config.ts';
import { findFeatures, type FoundFeatures } from './features.ts';
import { createLedger } from './ledger.ts';
import { createLimiter } from './limiter.ts';
import type { PromptForm } from './questions.ts';
import { sampleFrom, type Server } from './sample.ts';

/**
 * An engine over a server. What the config makes use of is tried first, once, by small requests. Token arrays are empty
 * where the server says only text.
 *
 * @throws ConfigError without the key that the config names, for an address with a password or key in it, and for a budget
 * over a server that states no usage; EngineError when the server cannot be reached or refuses.
 */
export async function openOpenaiEngine(config: OpenaiConfig, model: string): Promise<Engine> {
  const address = readAddress(config.baseUrl);
  const client = clientOf(config, address);
  const tokenizer = config.tokenizer === undefined ? undefined : await openTokenizer(config.tokenizer);
  const untilAnswered = new AbortController().signal;
  const found = await findFeatures(client, { ...config, model }, featuresFor(config), untilAnswered);
  const form = chooseForm(config, found, client);
  checkBudget(config, found);
  const server: Server = {
    client,
    asking: {
      model,
      form,
      tokenizer,
      lengthField: config.lengthField,
      stream: config.stream && found.features.stream !== 'no',
      withLogprobs: config.logprobs && found.features.logprobs !== 'no',
      withTokenIds: found.returnsTokenIds,
    },
    choices: found.features.choices === 'no' ? 1 : config.choicesPerRequest,
    maxConcurrency: config.maxConcurrency,
  };
  return engineOver(server, tokenizer, infoOf(address, model, form, found));
}

/** A client of a config, without a word to the server yet. */
export function clientOf(config: OpenaiConfig, address: Address): ClientOptions {
  const apiKey = config.apiKeyEnv === undefined ? undefined : process.env[config.apiKeyEnv];
  if (config.apiKeyEnv !== undefined && (apiKey === undefined || apiKey === ''))
    throw new ConfigError(`expected the API key in ${config.apiKeyEnv}, got an empty or absent variable`);
  return {
    address,
    apiKey,
    timeoutMs: config.timeoutSeconds * 1000,
    idleMs: config.idleSeconds * 1000,
    maxAttempts: config.maxAttempts,
    limiter: createLimiter(config.maxConcurrency),
    ledger: createLedger(config),
  };
}

/** What has to be known before a config can be carried out. */
function featuresFor(config: OpenaiConfig): ServerFeature[] {
  const { api, tokenizer, stream, logprobs, choicesPerRequest, budget } = config;
  const isLimited = Object.keys(budget).length > 0;
  const asks: Partial<Record<ServerFeature, boolean>> = {
    chat: api !== 'completions',
    completions: api !== 'chat',
    tokenPrompts: api !== 'chat' && tokenizer !== undefined,
    stream,
    logprobs,
    tokenIds: logprobs,
    choices: choicesPerRequest > 1,
    usage: isLimited,
  };
  return (Object.keys(asks) as ServerFeature[]).filter((feature) => asks[feature] === true);
}

/** The best form that the server takes, or the one asked for. */
function chooseForm(
  config: OpenaiConfig,
  { features, reasons, models }: FoundFeatures,
  client: ClientOptions,
): PromptForm {
  const { api, tokenizer } = config;
  const canTokens =
    tokenizer !== undefined && features.tokenPrompts !== 'no' && features.completions !== 'no';
  if (api !== 'chat' && canTokens) return 'tokens';
  if (api !== 'completions' && features.chat !== 'no') return 'chat';
  if (api !== 'chat' && tokenizer === undefined && features.completions !== 'no') return 'text';
  const why = [reasons.chat, reasons.tokenPrompts ?? reasons.completions].filter(
    (reason) => reason !== undefined,
  );
  const there = models === undefined ? '' : `; models there: ${models.join(', ')}`;
  throw new EngineError(
    `${client.address.shown}: expected ${api === 'auto' ? 'chat or plain' : api === 'chat' ? 'chat' : 'plain'} completions, ` +
      `got ${why.join('; ')}${there}`,
    { code: 'MODEL_SERVER_FAILED', tryNext: `gradus doctor ${client.address.shown}` },
  );
}

function checkBudget({ budget }: OpenaiConfig, { features }: FoundFeatures): void {
  if (Object.keys(budget).length === 0 || features.usage !== 'no') return;
  throw new ConfigError(
    'budget: expected a server that states what an answer took ("usage"), got answers without it; leave the budget out',
  );
}

/** Text without a chat template is another prompt, with other pass rates; tokens are told apart by their template. */
const formSuffix: Readonly<Record<PromptForm, string>> = { chat: '', text: '+text', tokens: '' };

function infoOf(address: Address, model: string, form: PromptForm, found: FoundFeatures): EngineInfo {
  return {
    engine: 'openai',
    model,
    // The server does not show its weights: a name and a place is all that is known.
    modelHash: `${model}@${address.name}${formSuffix[form]}`,
    ...(found.maxSequenceTokens !== undefined && { maxSequenceTokens: found.maxSequenceTokens }),
    device: address.host,
    server: found.features,
  };
}

function engineOver(server: Server, tokenizer: ModelTokenizer | undefined, info: EngineInfo): Engine {
  const { ledger } = server.client;
  return {
    sampler: {
      info,
      spending: { total: ledger.total, carryOver: ledger.carryOver },
      sample: (request, signal) => sampleFrom(server, request, signal),
    },
    // Without a tokenizer, or where the server applies its own chat template, only the server knows the tokens.
    renderer: server.asking.form === 'tokens' && tokenizer !== undefined ? rendererOf(tokenizer) : undefined,
    [Symbol.asyncDispose]: async () => {},
  };
}

const rendererOf = ({ endTokens, encodePrompt, encodeText, decode }: ModelTokenizer): Renderer => ({
  endTokens,
  render: encodePrompt,
  encode: encodeText,
  decode,
});
