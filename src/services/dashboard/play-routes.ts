import { type Context, Hono } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import { stream } from 'hono/streaming';
import { ConfigError } from '../../core/errors.ts';
import { playRequest, type PlayEvent, type Player } from './play.ts';
import { runDirectory } from './run-folder.ts';

/** The only address that takes anything but GET, and only where there is a player. */
export const playPath = '/api/play';

const mostBytes = 2 ** 20;

/**
 * `/play` and `/runs/:run/models`. A model writes for one at a time: a second question is refused until the first was
 * answered or left.
 */
export function playRoutes(root: string, player: Player | undefined): Hono {
  const app = new Hono();
  let isBusy = false;
  app.get('/runs/:run/models', async (c) => {
    const directory = runDirectory(root, c.req.param('run'));
    return c.json((await player?.models(directory)) ?? []);
  });
  if (player === undefined) return app;
  const limit = bodyLimit({
    maxSize: mostBytes,
    onError: (c) => c.json({ error: `expected a question of at most ${mostBytes} bytes` }, 413),
  });
  app.post('/play', limit, async (c) => {
    if (!isOwnPage(c)) return c.json({ error: 'expected a question of the dashboard’s own page' }, 403);
    const asked = playRequest.safeParse(await c.req.json().catch(() => undefined));
    if (!asked.success) {
      const [issue] = asked.error.issues;
      throw new ConfigError(`${issue!.path.join('.')}: ${issue!.message}`);
    }
    const directory = runDirectory(root, asked.data.run);
    if (isBusy) return c.json({ error: 'the model is answering another question; wait for it' }, 409);
    isBusy = true;
    const leaving = new AbortController();
    return stream(c, async (body) => {
      body.onAbort(() => {
        leaving.abort();
      });
      const tell = async (event: PlayEvent) => body.write(`${JSON.stringify(event)}\n`);
      try {
        for await (const event of player.answer(directory, asked.data, leaving.signal)) await tell(event);
        await tell({ type: 'done' });
      } catch (error) {
        await tell({ type: 'error', message: error instanceof Error ? error.message : String(error) });
      } finally {
        isBusy = false;
      }
    });
  });
  return app;
}

/**
 * Browsers say where a request that changes something comes from. A form elsewhere cannot send this content type, a
 * script elsewhere cannot forge the origin.
 */
function isOwnPage(c: Context): boolean {
  const origin = c.req.header('origin');
  const isJson = c.req.header('content-type')?.split(';')[0]?.trim() === 'application/json';
  return isJson && (origin === undefined || URL.parse(origin)?.host === c.req.header('host'));
}
