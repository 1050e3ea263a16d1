import { createHash, timingSafeEqual } from 'node:crypto';
import type { Server } from 'node:http';
import { readFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { extname, join } from 'node:path';
import { createAdaptorServer } from '@hono/node-server';
import { type Context, Hono } from 'hono';
import { ConfigError, GradusError } from '../../core/errors.ts';
import { watchRuns } from './changes.ts';
import type { Player } from './play.ts';
import { playPath, playRoutes } from './play-routes.ts';
import { changeRoutes, prometheusRoutes, runRoutes, type ViewParts } from './run-routes.ts';

/** What a dashboard shows and how it listens. */
export interface DashboardOptions extends Omit<ViewParts, 'clock' | 'canPlay'> {
  /** The folder of built pages. */
  readonly pages: string;
  readonly host: string;
  /** 0: any free one. */
  readonly port: number;
  /** Answers questions to the runs' models; absent: nothing here runs anything. */
  readonly player?: Player;
  /** Asked of every request; needed off loopback. */
  readonly token?: string;
}

/** A dashboard that is listening; disposing ends it. */
export interface Dashboard extends AsyncDisposable {
  /** With the token in it, where there is one. */
  readonly url: string;
}

/**
 * Serves the pages and what they show, read-only: nothing here writes to a run, and without a player nothing is run.
 *
 * On loopback only requests that name this machine are answered (a page elsewhere cannot rebind its name to it); off
 * loopback a token is asked of each. The pages may load nothing but themselves and run no script but their own.
 *
 * @throws ConfigError off loopback without a token, and when the address cannot be listened on.
 */
export async function startDashboard(options: DashboardOptions): Promise<Dashboard> {
  const { host, port, token } = options;
  if (!loopback.has(host) && token === undefined)
    throw new ConfigError(`listening on ${host} needs a token: whoever reaches it could read every rollout`, {
      tryNext: `GRADUS_TOKEN=… gradus dashboard --host ${host}`,
    });
  const watch = watchRuns(options.root);
  const app = routes(options).route('/api', changeRoutes(watch));
  const server = createAdaptorServer({ fetch: app.fetch }) as Server;
  const listening = Promise.withResolvers<void>();
  server.once('error', (cause) =>
    listening.reject(
      new ConfigError(`cannot listen on ${host} port ${port}: ${cause.message}`, {
        cause,
        tryNext: 'gradus dashboard --port 0',
      }),
    ),
  );
  server.listen(port, host, listening.resolve);
  await listening.promise;
  const { port: found } = server.address() as AddressInfo;
  const query = token === undefined ? '' : `?token=${encodeURIComponent(token)}`;
  return {
    url: `http://${host.includes(':') ? `[${host}]` : host}:${found}/${query}`,
    [Symbol.asyncDispose]: async () => {
      watch[Symbol.dispose]();
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
    },
  };
}

const loopback = new Set(['127.0.0.1', '::1', 'localhost']);
const headers = {
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-resource-policy': 'same-origin',
  'cache-control': 'no-store',
};
const kinds: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
};
const cookie = 'gradus_token';

function routes({ pages, host, token, player, ...parts }: DashboardOptions): Hono {
  const app = new Hono();
  app.use(async (c, next) => {
    const isQuestion = player !== undefined && c.req.method === 'POST' && c.req.path === playPath;
    const refused = refusal(c, { host, token, isQuestion });
    if (refused !== undefined) c.res = refused;
    else await next();
    for (const [name, value] of Object.entries(headers)) c.res.headers.set(name, value);
  });
  app.onError((error, c) => {
    const known = GradusError.isInstance(error) ? error : undefined;
    const status = known?.code === 'RUN_NOT_FOUND' ? 404 : known?.code === 'CONFIG_INVALID' ? 400 : 500;
    return c.json({ error: known?.message ?? `the run could not be read: ${error.message}` }, status);
  });
  const clock = (): Date => new Date();
  app.route('/api', runRoutes({ ...parts, canPlay: player !== undefined, clock }));
  app.route('/api', playRoutes(parts.root, player));
  app.route('/', prometheusRoutes({ root: parts.root, clock }));
  app.get('/', (c) => sendFile(c, pages, 'index.html', token));
  app.get('/assets/:name', (c) => sendFile(c, pages, join('assets', c.req.param('name'))));
  app.notFound((c) => c.json({ error: 'there is nothing here' }, 404));
  return app;
}

/** Why a request is not answered, or undefined. */
function refusal(
  c: Context,
  { host, token, isQuestion }: { host: string; token: string | undefined; isQuestion: boolean },
): Response | undefined {
  if (c.req.method !== 'GET' && c.req.method !== 'HEAD' && !isQuestion)
    return c.json({ error: 'this only shows' }, 405);
  const named = new URL(c.req.url).hostname.replaceAll(/^\[|\]$/g, '');
  if (loopback.has(host) && !loopback.has(named))
    return c.json({ error: 'expected this machine by its name' }, 403);
  if (token === undefined) return undefined;
  const sent =
    c.req.query('token') ?? cookieOf(c) ?? c.req.header('authorization')?.replace(/^Bearer /, '') ?? '';
  return isSame(sent, token)
    ? undefined
    : c.json({ error: 'expected the token that the dashboard printed' }, 401);
}

function cookieOf(c: Context): string | undefined {
  const found = (c.req.header('cookie') ?? '').split('; ').find((part) => part.startsWith(`${cookie}=`));
  return found === undefined ? undefined : decodeURIComponent(found.slice(cookie.length + 1));
}

const isSame = (one: string, other: string): boolean => timingSafeEqual(digest(one), digest(other));
const digest = (text: string): Buffer => createHash('sha256').update(text).digest();

/** A page or a part of it. Names come from one path segment: they cannot lead out of the folder. */
async function sendFile(c: Context, folder: string, name: string, token?: string): Promise<Response> {
  const kind = kinds[extname(name)];
  if (kind === undefined || name.includes('..')) return c.notFound();
  const bytes = await readFile(join(folder, name)).catch(() => undefined);
  if (bytes === undefined) return c.notFound();
  if (token !== undefined)
    c.header('set-cookie', `${cookie}=${encodeURIComponent(token)}; Path=/; HttpOnly; SameSite=Strict`);
  return c.body(new Uint8Array(bytes), 200, { 'content-type': kind });
}
