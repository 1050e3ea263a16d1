import { Hono } from 'hono';
import { stream } from 'hono/streaming';
import { ConfigError } from '../../core/errors.ts';
import { playRequest, type PlayEvent, type Player } from './play.ts';
import { runDirectory } from './run-folder.ts';

/** The path for prompting a model, which accepts `POST` if there is a player. */
export const playPath = '/api/play';

/** Maximum body size of a request to `playPath`, in bytes. */
export const maxPlayBytes = 2 ** 20;

/**
 * Routes `/play` and `/runs/:run/models`. Only one request runs at a time: a second request receives 409 until the
 * first is answered or its client disconnects.
 */
export function playRoutes(root: string, player: Player | undefined): Hono {
  const app = new Hono();
  let isBusy = false;
  app.get('/runs/:run/models', async (c) => {
    const directory = runDirectory(root, c.req.param('run'));
    return c.json((await player?.models(directory)) ?? []);
  });
  if (player === undefined) return app;
  app.post('/play', async (c) => {
    const parsed = playRequest.safeParse(await c.req.json().catch(() => undefined));
    if (!parsed.success) {
      const [issue] = parsed.error.issues;
      throw new ConfigError(`${issue!.path.join('.')}: ${issue!.message}`);
    }
    const directory = runDirectory(root, parsed.data.run);
    if (isBusy)
      return c.json({ error: 'the model is busy with another prompt; wait until it has answered' }, 409);
    isBusy = true;
    const leaving = new AbortController();
    return stream(c, async (body) => {
      body.onAbort(() => {
        leaving.abort();
      });
      const send = async (event: PlayEvent) => body.write(`${JSON.stringify(event)}\n`);
      try {
        for await (const event of player.answer(directory, parsed.data, leaving.signal)) await send(event);
        await send({ type: 'done' });
      } catch (error) {
        await send({ type: 'error', message: error instanceof Error ? error.message : String(error) });
      } finally {
        isBusy = false;
      }
    });
  });
  return app;
}
