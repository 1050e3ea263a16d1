import { ConfigError, EngineError } from '../../core/errors.ts';
import type { Engine, EngineInfo } from '../engine.ts';
import { openTokenizer } from '../model-files/tokenizer.ts';
import { type Address, readAddress } from './address.ts';
import type { ClientOptions } from './client.ts';
import type { OpenaiConfig } from './config.ts';
import {
  findFeatures,
  findStopSupport,
  type FoundFeatures,
  type ServerFeature,
  type StopSupport,
} from './features.ts';
import { createLedger } from './ledger.ts';
import { createLimiter } from './limiter.ts';
import type { Asking, PromptForm } from './write-request.ts';
import { sampleFrom, type Server } from './sample.ts';
import { rendererOf } from '../model-files/renderer.ts';

/**
 * Opens an engine for a model server. First probes the features that the config uses, with small requests. Token arrays
 * are empty if the server returns only text.
 *
 * @throws ConfigError if the API key is missing, the address contains a password or key, or there is a budget but the
 * server reports no usage; EngineError if the server cannot be reached or rejects the requests.
 */
export async function openOpenaiEngine(config: OpenaiConfig, model: string): Promise<Engine> {
  const address = readAddress(config.baseUrl);
  const client = clientOf(config, address);
  const tokenizer = config.tokenizer === undefined ? undefined : await openTokenizer(config.tokenizer);
  const asked = { ...config, model };
  const found = await findFeatures(client, asked, featuresFor(config), neverAborted());
  const form = chooseForm(config, found, client);
  checkBudget(config, found);
  const asking: Asking = {
    model,
    form,
    tokenizer,
    lengthField: config.lengthField,
    stream: config.stream && found.features.stream !== 'no',
    withLogprobs: config.logprobs && found.features.logprobs !== 'no',
    withTokenIds: found.returnsTokenIds,
    sendsStop: false,
    omitted: found.omitted,
  };
  let stopSupport: Promise<StopSupport> | undefined;
  const server: Server = {
    client,
    askingFor: async ({ stop = [] }) => {
      if (stop.length === 0) return asking;
      stopSupport ??= findStopSupport(client, asked, form === 'chat' ? 'chat' : 'text', neverAborted());
      const { isKept, omitted } = await stopSupport;
      return { ...asking, sendsStop: isKept, omitted: new Set([...asking.omitted, ...omitted]) };
    },
    choices: choicesOf(config, found, asking),
    maxConcurrency: config.maxConcurrency,
  };
  return engineOver(server, asking, infoOf(address, model, form, found));
}

const neverAborted = (): AbortSignal => new AbortController().signal;

/**
 * Returns the number of choices per request: the configured number, or 1 if the server cannot return several choices or
 * their token counts would be unknown.
 */
function choicesOf(
  { choicesPerRequest }: OpenaiConfig,
  { features, countsOneChoice }: FoundFeatures,
  { withLogprobs }: Asking,
): number {
  return features.choices === 'no' || (countsOneChoice && !withLogprobs) ? 1 : choicesPerRequest;
}

/** Creates a client from a config; sends nothing. */
export function clientOf(config: OpenaiConfig, address: Address): ClientOptions {
  const apiKey = config.apiKeyEnv === undefined ? undefined : process.env[config.apiKeyEnv];
  if (config.apiKeyEnv !== undefined && (apiKey === undefined || apiKey === ''))
    throw new ConfigError(`expected the API key in ${config.apiKeyEnv}, got an empty or missing variable`);
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

/** Returns the features that a config uses. */
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
    usage: isLimited || choicesPerRequest > 1,
  };
  return (Object.keys(asks) as ServerFeature[]).filter((feature) => asks[feature] === true);
}

/** Chooses the best prompt form that the server accepts, or the configured one. */
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
  const there = models === undefined ? '' : `; its models: ${models.join(', ')}`;
  throw new EngineError(
    `${client.address.shown}: expected ${api === 'auto' ? 'chat or plain' : api === 'chat' ? 'chat' : 'plain'} completions, ` +
      `got ${why.join('; ')}${there}`,
    { code: 'MODEL_SERVER_FAILED', tryNext: `gradus doctor ${client.address.shown}` },
  );
}

function checkBudget({ budget }: OpenaiConfig, { features }: FoundFeatures): void {
  if (Object.keys(budget).length === 0 || features.usage !== 'no') return;
  throw new ConfigError(
    'budget: expected a server that reports token usage, got answers without "usage"; remove the budget',
  );
}

/**
 * Suffix of the model's identity for each prompt form: prompts without a chat template have separate pass rates.
 * Prompts in tokens need no suffix, because pass rates are also stored by the template's digest.
 */
const formSuffix: Readonly<Record<PromptForm, string>> = { chat: '', text: '+text', tokens: '' };

function infoOf(address: Address, model: string, form: PromptForm, found: FoundFeatures): EngineInfo {
  return {
    engine: 'openai',
    model,
    // The server does not expose its weights, so only the name and address identify the model.
    modelHash: `${model}@${address.name}${formSuffix[form]}`,
    ...(found.maxSequenceTokens !== undefined && { maxSequenceTokens: found.maxSequenceTokens }),
    device: address.host,
    server: found.features,
  };
}

function engineOver(server: Server, { form, tokenizer }: Asking, info: EngineInfo): Engine {
  const { ledger } = server.client;
  return {
    sampler: {
      info,
      spending: { total: ledger.total, carryOver: ledger.carryOver },
      sample: (request, signal) => sampleFrom(server, request, signal),
    },
    // Without a tokenizer, or if the server applies its own chat template, only the server knows the tokens.
    renderer: form === 'tokens' && tokenizer !== undefined ? rendererOf(tokenizer) : undefined,
    [Symbol.asyncDispose]: async () => {},
  };
}
