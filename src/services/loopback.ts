import { isIPv4 } from 'node:net';

/**
 * Returns true for a host that only this machine can reach: `localhost`, `::1` and all of 127.0.0.0/8.
 *
 * @param host a name or an address, with or without the brackets of a URL.
 */
export function isLoopback(host: string): boolean {
  const name = host.replace(/^\[(.*)\]$/, '$1').toLowerCase();
  return name === 'localhost' || name === '::1' || (isIPv4(name) && name.startsWith('127.'));
}
