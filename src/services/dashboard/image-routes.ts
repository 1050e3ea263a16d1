import { Hono } from 'hono';
import { imagesOf } from '../../core/image.ts';
import { DataError } from '../../core/errors.ts';
import { readImage } from '../../storage/images/image-file.ts';
import { readImageHeader } from '../../storage/images/image-header.ts';
import { findGroup } from './views/rollouts/groups.ts';
import { notFound, runDirectory, withRun } from './run-folder.ts';

/**
 * Headers of an image, in addition to those of every response, so that no script runs if the image is opened
 * directly.
 */
const imageHeaders = { 'content-disposition': 'inline' };

/**
 * Route for the images of a recorded prompt: `/runs/:run/groups/:id/images/:sha256`. Sends a file only if its bytes
 * have the recorded hash, so that a run folder from elsewhere cannot refer to other files on this machine. The first
 * bytes must be those of PNG, JPEG, WebP or GIF.
 */
export function imageRoutes(root: string): Hono {
  const app = new Hono();
  app.get('/runs/:run/groups/:id{[0-9]{1,15}}/images/:sha256{[0-9a-f]{64}}', async (c) => {
    const { run: folder, id, sha256 } = c.req.param();
    const directory = runDirectory(root, folder);
    const part = await withRun(directory, async (run) => {
      const found = findGroup(run, Number(id));
      if (found === undefined) throw notFound(`${directory}: group ${id} not found`);
      const [row] = await run.rollouts([{ ...found.place, rollouts: 1 }], ['prompt']);
      return imagesOf(row?.prompt ?? []).find((image) => image.sha256 === sha256);
    });
    if (part === undefined) throw notFound(`${directory}: group ${id} has no image ${sha256}`);
    try {
      const bytes = readImage(part);
      const { mediaType } = readImageHeader(bytes);
      return c.body(new Uint8Array(bytes), 200, { 'content-type': mediaType, ...imageHeaders });
    } catch (error) {
      if (!(error instanceof DataError)) throw error;
      throw notFound(error.message);
    }
  });
  return app;
}
