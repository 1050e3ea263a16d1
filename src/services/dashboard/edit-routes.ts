import { type Context, Hono } from 'hono';
import * as z from 'zod';
import { ConfigError } from '../../core/errors.ts';
import { annotationsSchema, writeAnnotations } from '../../runs/files/annotations.ts';
import { trashOf } from '../../runs/files/layout.ts';
import { requireRun } from '../../runs/files/require-run.ts';
import { listRuns } from '../../runs/reading/list-runs.ts';
import { restoreRun, trashRun } from '../../runs/writing/trash.ts';
import { runDirectory } from './run-folder.ts';

/** A run in the trash. */
export interface TrashedRun {
  readonly folder: string;
  readonly title: string;
}

/** Paths that accept `POST`. */
const editPaths = /^\/api\/(runs\/[^/]+\/(annotations|trash)|trash\/[^/]+\/restore)$/u;

/** Returns whether a request may change annotations or move a run. */
export const isEdit = (method: string, path: string): boolean => method === 'POST' && editPaths.test(path);

/**
 * Routes that change a run's annotations or folder. `POST /runs/:run/annotations` replaces title, tags and note; `POST
 * /runs/:run/trash` and `POST /trash/:folder/restore` move a run, with the body `{}`. `GET /trash` lists the trash.
 */
export function editRoutes(root: string): Hono {
  const app = new Hono();
  app.get('/trash', async (c) => {
    const listings = await listRuns(trashOf(root));
    return c.json(
      listings.map((listing): TrashedRun => {
        const title = 'problem' in listing ? '' : listing.annotations.title;
        return { folder: listing.folder, title };
      }),
    );
  });
  app.post('/runs/:run/annotations', async (c) => {
    const directory = runDirectory(root, c.req.param('run'));
    await requireRun(directory);
    const annotations = await bodyOf(c, annotationsSchema);
    await writeAnnotations(directory, annotations);
    return c.json(annotations);
  });
  app.post('/runs/:run/trash', async (c) => {
    await bodyOf(c, z.strictObject({}));
    await trashRun(runDirectory(root, c.req.param('run')));
    return c.json({});
  });
  app.post('/trash/:folder/restore', async (c) => {
    await bodyOf(c, z.strictObject({}));
    await restoreRun(root, c.req.param('folder'));
    return c.json({});
  });
  return app;
}

/** Parses a JSON body. @throws GradusError if it is invalid. */
async function bodyOf<S extends z.ZodType>(c: Context, schema: S): Promise<z.output<S>> {
  const parsed = schema.safeParse(await c.req.json().catch(() => undefined));
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new ConfigError([issue!.path.join('.'), issue!.message].filter((part) => part !== '').join(': '));
}
