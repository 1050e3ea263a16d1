import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { isLoopback } from './loopback.ts';

/** Rules that a request must satisfy before a service handles it. */
export interface AdmissionRules {
  /** Address on which the service listens. On loopback, the `Host` header must name this machine. */
  readonly host: string;
  /** Token that every request must send, except those to `publicPaths`. */
  readonly token?: string | undefined;
  /** Maximum size of a request body, in bytes. */
  readonly maxBodyBytes: number;
  /** Paths that need no token, such as `/health`. */
  readonly publicPaths?: readonly string[];
  /** Also accepts the token from `?token=` and from the cookie that `tokenCookie` sets, for pages in a browser. */
  readonly allowsBrowserToken?: boolean;
}

/** A rejection of a request: an HTTP status and a message for the body. */
export interface Rejection {
  readonly status: 400 | 401 | 403 | 413 | 415 | 503;
  readonly message: string;
}

/**
 * Returns why a request must be rejected because of its headers; undefined if it is admitted.
 *
 * Checking `Host` prevents DNS rebinding: a page from a site whose name was rebound to 127.0.0.1 still sends the name
 * of its site. Checking `Origin` rejects requests from pages of other sites. The JSON content type makes browsers send
 * a preflight request before a cross-site request.
 */
export function rejectionOf(request: Request, rules: AdmissionRules): Rejection | undefined {
  const url = new URL(request.url);
  if (isLoopback(rules.host) && !isLoopback(url.hostname)) {
    const message = `the Host header must name this machine (127.0.0.1 or localhost), got ${url.host}`;
    return { status: 403, message };
  }
  const origin = request.headers.get('origin');
  if (origin !== null && URL.parse(origin)?.host !== url.host) {
    const message = `cross-origin requests are not allowed: expected the origin http://${url.host}, got ${origin}`;
    return { status: 403, message };
  }
  if (rules.publicPaths?.includes(url.pathname) !== true && !hasToken(request, url, rules)) {
    const message = 'expected the header "authorization: Bearer <token>"';
    const hint = rules.allowsBrowserToken === true ? ', or ?token=<token> in the address' : '';
    return { status: 401, message: message + hint };
  }
  const type = request.headers.get('content-type');
  if (hasBody(request) && type?.split(';', 1)[0]!.trim().toLowerCase() !== 'application/json') {
    const message = `expected content-type application/json, got ${type ?? 'no content-type'}`;
    return { status: 415, message };
  }
  return undefined;
}

/** Returns whether a request has a body; `GET` and `HEAD` never do. */
export const hasBody = ({ method, headers }: Request): boolean =>
  method !== 'GET' &&
  method !== 'HEAD' &&
  (headers.has('transfer-encoding') || Number(headers.get('content-length') ?? 0) !== 0);

/**
 * Reads a complete body, or returns undefined if it is longer than `maxBytes`. The rest of a longer body is read and
 * discarded, because a client that is still sending does not read the response.
 *
 * @throws Error if the connection is lost.
 */
export async function readBody(
  incoming: IncomingMessage,
  maxBytes: number,
): Promise<Buffer<ArrayBuffer> | undefined> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of incoming as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size <= maxBytes) chunks.push(chunk);
    else chunks.length = 0;
  }
  return size <= maxBytes ? Buffer.concat(chunks) : undefined;
}

const cookieName = 'gradus_token';

/**
 * Returns the cookie with which later requests from the same browser send the token given in `?token=`. Returns
 * undefined if the request sent no token or a wrong one: public paths answer such requests too, and must not reveal the
 * token.
 */
export function tokenCookie(request: Request, rules: AdmissionRules): string | undefined {
  if (rules.allowsBrowserToken !== true || rules.token === undefined) return undefined;
  if (!isSame(new URL(request.url).searchParams.get('token'), rules.token)) return undefined;
  return `${cookieName}=${encodeURIComponent(rules.token)}; Path=/; HttpOnly; SameSite=Strict`;
}

function hasToken({ headers }: Request, url: URL, { token, allowsBrowserToken }: AdmissionRules): boolean {
  if (token === undefined) return true;
  const bearer = /^Bearer +(.+)$/i.exec(headers.get('authorization') ?? '')?.[1];
  if (isSame(bearer, token)) return true;
  if (allowsBrowserToken !== true) return false;
  const cookies = (headers.get('cookie') ?? '').split(/; */);
  const cookie = cookies.find((one) => one.startsWith(`${cookieName}=`))?.slice(cookieName.length + 1);
  return isSame(url.searchParams.get('token'), token) || isSame(cookie, encodeURIComponent(token));
}

/** Compares digests instead of tokens, so that the lengths are equal and the comparison takes constant time. */
const isSame = (sent: string | null | undefined, token: string): boolean =>
  timingSafeEqual(digest(sent ?? ''), digest(token));
const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
