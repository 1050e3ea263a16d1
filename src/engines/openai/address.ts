import { ConfigError } from '../../core/errors.ts';

/** Paths of requests. Only vLLM has `/pooling`, which is not below `/v1`. */
export type Endpoint = '/models' | '/chat/completions' | '/completions' | '/pooling';

/** Address of a model server. */
export interface Address {
  /** The address to show in messages, without the query, which may contain a key. */
  readonly shown: string;
  readonly host: string;
  /** Identifies the server in stored pass rates: the host, and the path unless it is `/v1`. */
  readonly name: string;
  endpoint(path: Endpoint): URL;
}

/**
 * Parses a base URL, with or without trailing slashes, and with a query that every request needs (`?api-version=…`).
 *
 * @throws ConfigError if the URL contains a password or key, or is the URL of an endpoint.
 */
export function readAddress(baseUrl: string): Address {
  const url = new URL(baseUrl);
  if (url.username !== '' || url.password !== '')
    throw new ConfigError(
      'baseUrl: expected no user or password in the URL; set apiKeyEnv to the name of a variable',
    );
  const secret = [...url.searchParams.keys()].find((name) => /key|token|secret|sig/i.test(name));
  if (secret !== undefined) {
    throw new ConfigError(
      `baseUrl: expected no key in the URL, got "${secret}" in its query, which every run would store; set apiKeyEnv to the name of a variable`,
    );
  }
  const path = url.pathname.replace(/\/+$/, '');
  const endpoint = /\/(chat\/completions|completions|models)$/.exec(path)?.[0];
  if (endpoint !== undefined) {
    throw new ConfigError(`baseUrl: expected the URL without "${endpoint}", got ${url.origin}${path}`, {
      tryNext: `baseUrl = "${url.origin}${path.slice(0, -endpoint.length)}"`,
    });
  }
  return {
    shown: url.origin + path,
    host: url.host,
    name: path === '/v1' || path === '' ? url.host : url.host + path,
    endpoint: (name) => {
      const base = name === '/pooling' ? path.replace(/\/v1$/, '') : path;
      return new URL(`${url.origin}${base}${name}${url.search}`);
    },
  };
}
