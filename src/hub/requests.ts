import { DataError } from '../core/errors.ts';
import { isRetryableStatus, readRetryAfter, retry, RetryableError } from '../core/async/retry.ts';
import { hashKey } from '../core/rng.ts';

/** Endpoint, token and limits of requests to a hub. */
export interface HubAccess {
  /** Without a trailing slash. */
  readonly endpoint: string;
  /** Sent to the origin of the endpoint only; never written to disk. */
  readonly token?: string;
  /** Offline mode: no requests, only the cache is read. */
  readonly isOffline: boolean;
  /** Pause before the first retry, in milliseconds; doubles with each retry. */
  readonly pauseMs: number;
  /** Aborts requests and pauses; partial downloads are kept. */
  readonly signal?: AbortSignal | undefined;
}

/** Maximum number of attempts without progress, after which the request fails. */
const maxAttempts = 5;
const maxRedirects = 5;

/** Reads `HF_ENDPOINT`, `HF_TOKEN` and `HF_HUB_OFFLINE`, which all hub tools share. */
export function accessFromEnvironment(environment: NodeJS.ProcessEnv, pauseMs = 500): HubAccess {
  const { HF_ENDPOINT: endpoint, HF_TOKEN: token, HF_HUB_OFFLINE: offline = '' } = environment;
  return {
    endpoint: (endpoint || 'https://huggingface.co').replace(/\/+$/, ''),
    ...(token ? { token } : {}),
    isOffline: /^(?:1|true|yes|on)$/i.test(offline),
    pauseMs,
  };
}

/**
 * Retries an attempt until it succeeds, with pauses seeded by `name`.
 *
 * @param attempt throws `RetryableError` for transient failures.
 * @param progress a growing measure of progress; an increase resets the count of attempts.
 * @throws DataError after `maxAttempts` attempts without progress.
 */
export async function retryRequest<T>(
  access: HubAccess,
  name: string,
  attempt: () => Promise<T>,
  progress?: () => number,
): Promise<T> {
  return retry(attempt, {
    key: hashKey(name),
    maxAttempts,
    pauseMs: access.pauseMs,
    signal: access.signal,
    progress,
    giveUp: (last, attempts) =>
      new DataError(
        `${name}: expected an answer from ${access.endpoint}, got ${last.message} (tried ${attempts} times)`,
        { code: 'HUB_UNREACHABLE', cause: last, tryNext: `curl -I ${access.endpoint}` },
      ),
  });
}

/**
 * Sends a GET and follows redirects. The token is sent to the origin of the endpoint only: redirects to content servers
 * carry their authorisation in the URL. The body is uncompressed, so that its bytes can be counted.
 *
 * @param name name of the file, for error messages.
 * @returns a response with status 200, 206 or 416.
 * @throws RetryableError for lost connections, 408, 425, 429 and 5xx; DataError for other statuses.
 */
export async function get(
  access: HubAccess,
  address: string,
  name: string,
  range?: string,
): Promise<Response> {
  let url = new URL(address);
  for (let redirects = 0; redirects <= maxRedirects; redirects++) {
    const response = await send(access, url, range);
    const location = response.headers.get('location');
    if (response.status < 300 || response.status >= 400 || location === null)
      return checkStatus(access, response, name);
    await response.body?.cancel();
    url = redirectTarget(url, location, name);
  }
  throw new DataError(`${name}: expected the file, got more than ${maxRedirects} redirects`, {
    code: 'HUB_FAILED',
  });
}

async function send(access: HubAccess, url: URL, range: string | undefined): Promise<Response> {
  const isHome = url.origin === new URL(access.endpoint).origin;
  const headers = {
    'user-agent': 'gradus',
    'accept-encoding': 'identity',
    ...(isHome && access.token !== undefined ? { authorization: `Bearer ${access.token}` } : {}),
    ...(range === undefined ? {} : { range }),
  };
  try {
    return await fetch(url, { headers, redirect: 'manual', signal: access.signal ?? null });
  } catch (cause) {
    throw new RetryableError(reasonOf(cause), { cause });
  }
}

/** Returns why a `fetch` failed: the message of its error's `cause`, if there is one. */
export function reasonOf(error: unknown): string {
  const { message, cause } = error as Error;
  return cause instanceof Error ? cause.message || message : message;
}

function redirectTarget(from: URL, location: string, name: string): URL {
  const target = URL.canParse(location, from.href) ? new URL(location, from) : undefined;
  const isSafe = target?.protocol === 'https:' || (target?.protocol === 'http:' && from.protocol === 'http:');
  if (target !== undefined && isSafe) return target;
  throw new DataError(`${name}: expected a redirect to https, got one to ${target?.protocol ?? 'nowhere'}`, {
    code: 'HUB_FAILED',
  });
}

async function checkStatus(access: HubAccess, response: Response, name: string): Promise<Response> {
  const { status, headers } = response;
  if (status === 200 || status === 206 || status === 416) return response;
  await response.body?.cancel();
  const answer = [`${status}`, headers.get('x-error-code'), headers.get('x-error-message')]
    .filter((part) => part !== null)
    .join(' ');
  if (isRetryableStatus(status))
    throw new RetryableError(answer, {
      afterMs: readRetryAfter(headers.get('retry-after'), headers.get('date')),
    });
  throw refusal(access, status, answer, name);
}

function refusal({ endpoint, token }: HubAccess, status: number, answer: string, name: string): DataError {
  if (status === 401 || status === 403) {
    const advice =
      token === undefined
        ? 'private and gated repositories, and unknown names, need a token in HF_TOKEN'
        : 'the token in HF_TOKEN may not read it; accept the terms of a gated repository on its page first';
    return new DataError(`${name}: expected access to it at ${endpoint}, got ${answer}; ${advice}`, {
      code: 'HUB_FORBIDDEN',
      tryNext: token === undefined ? 'export HF_TOKEN=…' : `${endpoint}/settings/tokens`,
    });
  }
  const what = status === 404 ? 'a repository, revision and file that exist' : 'the file';
  return new DataError(`${name}: expected ${what} at ${endpoint}, got ${answer}`, {
    code: status === 404 ? 'HUB_NOT_FOUND' : 'HUB_FAILED',
  });
}
