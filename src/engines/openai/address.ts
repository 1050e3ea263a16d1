import { ConfigError } from '../../core/errors.ts';

/** Where a model server is. */
export interface Address {
  /** Without a key that may stand in the query: for messages. */
  readonly shown: string;
  readonly host: string;
  /** Names the server in stored pass rates: host, and the path where it is another than `/v1`. */
  readonly name: string;
  endpoint(path: '/models' | '/chat/completions' | '/completions'): URL;
}

/**
 * Reads the address people write: with or without slashes at the end, with a query that every request needs
 * (`?api-version=…`).
 *
 * @throws ConfigError for a password or a key in it, or the address of one endpoint.
 */
export function readAddress(baseUrl: string): Address {
  const url = new URL(baseUrl);
  if (url.username !== '' || url.password !== '')
    throw new ConfigError(
      'baseUrl: expected no user or password in the address; name a variable in apiKeyEnv',
    );
  const secret = [...url.searchParams.keys()].find((name) => /key|token|secret|sig/i.test(name));
  if (secret !== undefined) {
    throw new ConfigError(
      `baseUrl: expected no key in the address, got "${secret}" in its query; it would be kept with every run. Name a variable in apiKeyEnv`,
    );
  }
  const path = url.pathname.replace(/\/+$/, '');
  const endpoint = /\/(chat\/completions|completions|models)$/.exec(path)?.[0];
  if (endpoint !== undefined) {
    throw new ConfigError(
      `baseUrl: expected the address that ends before "${endpoint}", got ${url.origin}${path}`,
      { tryNext: `baseUrl = "${url.origin}${path.slice(0, -endpoint.length)}"` },
    );
  }
  return {
    shown: url.origin + path,
    host: url.host,
    name: path === '/v1' || path === '' ? url.host : url.host + path,
    endpoint: (name) => new URL(`${url.origin}${path}${name}${url.search}`),
  };
}
