import { readFile } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { type Context, Hono } from 'hono';
import { GradusError } from '../../core/errors.ts';
import { listen, type ListenAddress, type Listening } from '../listen.ts';
import { editRoutes, isEdit } from './edit-routes.ts';
import { imageRoutes } from './image-routes.ts';
import { type ChangeWatch, watchRuns } from './watch-runs.ts';
import type { Player } from './play.ts';
import { maxPlayBytes, playPath, playRoutes } from './play-routes.ts';
import { changeRoutes, prometheusRoutes, runRoutes, type ViewParts } from './run-routes.ts';

/** Address and content of a dashboard. */
export interface DashboardOptions extends Omit<ViewParts, 'clock' | 'canPlay'>, ListenAddress {
  /** The folder that contains the built web pages. */
  readonly pages: string;
  /** Answers prompts with the runs' models; if absent, the dashboard runs no model. */
  readonly player?: Player;
}

/**
 * Serves the web pages and their data. The dashboard never changes a run's records. Pages can only write annotations,
 * move a run to the trash and back, and extend a full-text index beside it. Without a player, it runs no model. The
 * pages may load only their own files and run only their own scripts.
 *
 * @returns the address; its `url` ends with `?token=…` if there is a token.
 * @throws ConfigError if the host is not loopback and there is no token, or if it cannot listen on the address.
 */
export async function startDashboard(options: DashboardOptions): Promise<Listening> {
  const watch = watchRuns(options.root);
  const opened = await listen(routes(options, watch), options, {
    maxBodyBytes: maxPlayBytes,
    allowsBrowserToken: true,
    headers: pageHeaders,
    command: 'gradus dashboard',
    risk: 'read every rollout and delete runs',
    // Cut connections: a page keeps a change stream open for as long as it is shown.
    onClose: 'cut',
  });
  const query = (options.token ?? '') === '' ? '' : `?token=${encodeURIComponent(options.token!)}`;
  return {
    url: `${opened.url}/${query}`,
    [Symbol.asyncDispose]: async () => {
      watch[Symbol.dispose]();
      await opened[Symbol.asyncDispose]();
    },
  };
}

const pageHeaders = {
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'referrer-policy': 'no-referrer',
};
const kinds: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
};

const statusOf: Readonly<Record<string, 400 | 404 | 409>> = {
  CONFIG_INVALID: 400,
  RUN_NOT_FOUND: 404,
  RUN_LOCKED: 409,
  RUN_EXISTS: 409,
};

function routes({ pages, player, ...parts }: DashboardOptions, watch: ChangeWatch): Hono {
  const app = new Hono();
  app.use(async (c, next) => {
    const isRead = c.req.method === 'GET' || c.req.method === 'HEAD';
    const isPlay = player !== undefined && c.req.method === 'POST' && c.req.path === playPath;
    if (isRead || isPlay || isEdit(c.req.method, c.req.path)) return next();
    const hint = c.req.path === playPath ? '; start the dashboard with --play to prompt models' : '';
    return c.json({ error: `${c.req.method} ${c.req.path} is not allowed${hint}` }, 405);
  });
  app.onError((error, c) => {
    const known = GradusError.isInstance(error) ? error : undefined;
    const status = statusOf[known?.code ?? ''] ?? 500;
    return c.json({ error: known?.message ?? `cannot read the run: ${error.message}` }, status);
  });
  const clock = (): Date => new Date();
  app.route('/api', runRoutes({ ...parts, canPlay: player !== undefined, clock }));
  app.route('/api', imageRoutes(parts.root));
  app.route('/api', playRoutes(parts.root, player));
  app.route('/api', editRoutes(parts.root));
  app.route('/api', changeRoutes(watch));
  app.route('/', prometheusRoutes({ root: parts.root, clock }));
  app.get('/', (c) => sendFile(c, pages, 'index.html'));
  app.get('/assets/:name', (c) => sendFile(c, pages, join('assets', c.req.param('name'))));
  app.notFound((c) => c.json({ error: `${c.req.path} not found` }, 404));
  return app;
}

/** Sends a file from the folder of pages. A name is a single path segment, so it cannot point outside the folder. */
async function sendFile(c: Context, folder: string, name: string): Promise<Response> {
  const kind = kinds[extname(name)];
  if (kind === undefined || name.includes('..')) return c.notFound();
  const bytes = await readFile(join(folder, name)).catch(() => undefined);
  if (bytes === undefined) return c.notFound();
  return c.body(new Uint8Array(bytes), 200, { 'content-type': kind });
}
