/*
 * Live export to Weights & Biases. This is the least stable part of Gradus: W&B publishes no client for Node and does
 * not document these requests, so a change to its server can break them. If that happens, use `--wandb-offline` and
 * `wandb sync`.
 */
import * as z from 'zod';
import { ConfigError, RunError } from '../../core/errors.ts';
import { isRetryableStatus, readRetryAfter, retry, RetryableError } from '../../core/async/retry.ts';
import { hashKey } from '../../core/rng.ts';
import { type ExportedRun, historyLine, type RunSink } from './sink.ts';

/** Server and account of an export. */
export interface WandbAccess {
  /** `https://api.wandb.ai`, or a self-hosted server. */
  readonly baseUrl: string;
  /** Sent only to that server; never written to disk. */
  readonly apiKey: string;
  /** User or team; default: the default entity of the API key. */
  readonly entity?: string | undefined;
  /** Pause before the first retry, in milliseconds; it doubles with each retry. Default 1,000. */
  readonly retryMs?: number;
}

/**
 * Reads `WANDB_API_KEY`, `WANDB_BASE_URL` and `WANDB_ENTITY`, the variables of W&B's own client.
 * @throws ConfigError if `WANDB_API_KEY` is not set.
 */
export function wandbAccess(env: NodeJS.ProcessEnv): WandbAccess {
  const { WANDB_API_KEY: apiKey, WANDB_BASE_URL: baseUrl, WANDB_ENTITY: entity } = env;
  if (apiKey === undefined || apiKey === '')
    throw new ConfigError('expected a W&B API key in WANDB_API_KEY, which is missing or empty', {
      tryNext: 'gradus runs export <run> --wandb-offline wandb',
    });
  return {
    baseUrl: (baseUrl ?? 'https://api.wandb.ai').replace(/\/+$/, ''),
    apiKey,
    entity,
  };
}

const upsert = `mutation UpsertBucket($name: String, $project: String, $entity: String, $displayName: String, $config: JSONString) {
  upsertBucket(input: {name: $name, modelName: $project, entityName: $entity, displayName: $displayName, config: $config}) {
    bucket { name historyLineCount project { name entity { name } } }
  }
}`;

const upserted = z.object({
  data: z.object({
    upsertBucket: z.object({
      bucket: z.object({
        name: z.string(),
        historyLineCount: z.int().min(0).nullish(),
        project: z.object({ name: z.string(), entity: z.object({ name: z.string() }) }),
      }),
    }),
  }),
});

/**
 * Batch size and interval for sending history lines. The first lines are sent immediately, so that a live run appears
 * early.
 */
const linesPerRequest = 200;
const sendEveryMs = 2000;
const maxAttempts = 6;

/**
 * Sends a run to a W&B server, step by step, with two requests of W&B's Python client: the GraphQL mutation
 * `upsertBucket` creates the run, `POST /files/<entity>/<project>/<run>/file_stream` appends to its history. Lines that
 * the server already has are not sent again, so an export can be repeated or continued.
 *
 * @throws RunError if the server rejects a request, or if a request fails six times.
 */
export async function wandbLiveSink(access: WandbAccess, run: ExportedRun): Promise<RunSink> {
  const config = Object.fromEntries(
    Object.entries(run.recipe as object).map(([key, value]) => [key, { value }]),
  );
  const answer = upserted.safeParse(
    await post(access, '/graphql', {
      query: upsert,
      variables: {
        name: run.id,
        project: run.project,
        entity: access.entity ?? null,
        displayName: run.name,
        config: JSON.stringify(config),
      },
    }),
  );
  if (!answer.success) throw refused(access, `no run in its answer: ${answer.error.issues[0]!.message}`);
  const { bucket } = answer.data.data.upsertBucket;
  const path = ['files', bucket.project.entity.name, bucket.project.name, bucket.name, 'file_stream'];
  const stream = `/${path.map(encodeURIComponent).join('/')}`;
  let known = bucket.historyLineCount ?? 0;
  let offset = 0;
  let waiting: string[] = [];
  let summary: Readonly<Record<string, number>> = {};
  let sentMs = -Infinity;

  const send = async (more: object = {}): Promise<void> => {
    const files = {
      ...(waiting.length > 0 && { 'wandb-history.jsonl': { offset, content: waiting } }),
      'wandb-summary.json': { offset: 0, content: [JSON.stringify(summary)] },
    };
    await post(access, stream, { files, ...more });
    offset += waiting.length;
    waiting = [];
    sentMs = performance.now();
  };
  return {
    async write(step) {
      const line = historyLine(step, run.startedAt);
      summary = { ...summary, ...line };
      if (known > 0) {
        known--;
        offset++;
        return;
      }
      waiting.push(JSON.stringify(line));
      if (waiting.length >= linesPerRequest || performance.now() - sentMs > sendEveryMs) await send();
    },
    close: (end) => send(end === null ? {} : { complete: true, exitcode: end === 'finished' ? 0 : 1 }),
  };
}

/** Sends a request; retries lost connections, 408, 425, 429 and 5xx. */
async function post(access: WandbAccess, path: string, body: object): Promise<unknown> {
  return retry(() => postOnce(access, path, body), {
    key: hashKey(path),
    maxAttempts,
    pauseMs: access.retryMs ?? 1000,
    giveUp: (last, attempts) => refused(access, `${last.message}, ${attempts} times`),
  });
}

async function postOnce(access: WandbAccess, path: string, body: object): Promise<unknown> {
  const { response, text } = await sendRequest(access, path, body);
  const { status, headers } = response;
  if (isRetryableStatus(status))
    throw new RetryableError(`HTTP ${status}`, {
      afterMs: readRetryAfter(headers.get('retry-after'), headers.get('date')),
    });
  if (!response.ok) throw refused(access, `HTTP ${status}: ${text.slice(0, 200)}`);
  try {
    return JSON.parse(text) as unknown;
  } catch {
    throw refused(access, text.slice(0, 200) || 'an empty answer');
  }
}

async function sendRequest(
  access: WandbAccess,
  path: string,
  body: object,
): Promise<{ readonly response: Response; readonly text: string }> {
  try {
    const response = await fetch(`${access.baseUrl}${path}`, {
      method: 'POST',
      redirect: 'error',
      headers: {
        'content-type': 'application/json',
        authorization: `Basic ${Buffer.from(`api:${access.apiKey}`).toString('base64')}`,
      },
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(30_000),
    });
    return { response, text: await response.text() };
  } catch (error) {
    // The reason of a failed fetch is in its cause.
    const { cause } = error as Error;
    throw new RetryableError(String(cause instanceof Error ? cause : error), { cause: error });
  }
}

function refused({ baseUrl, apiKey }: WandbAccess, what: string): RunError {
  return new RunError(`${baseUrl}: expected W&B to accept the run, got ${what.replaceAll(apiKey, '***')}`, {
    code: 'EXPORT_REFUSED',
    tryNext: 'gradus runs export <run> --wandb-offline wandb',
  });
}
