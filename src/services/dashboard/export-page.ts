import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { RunError } from '../../core/errors.ts';
import { type ExportedRun, jsonForHtml } from './exported-run.ts';

/** The page that `npm run build:web` builds for exports: scripts and styles are inlined, runs are still missing. */
const template = 'export.html';
const mark = '<div id="root">';

/**
 * Returns one HTML file that shows runs without a server: it opens from disk, makes no requests and runs only its own
 * script.
 *
 * @param pages the folder of built pages.
 * @throws RunError if the pages are not built.
 */
export async function exportPage(pages: string, runs: readonly ExportedRun[]): Promise<string> {
  const html = await readFile(join(pages, template), 'utf8').catch((cause: unknown) => {
    throw new RunError(
      `${join(pages, template)}: not found; a checkout must build the dashboard's pages once`,
      {
        cause,
        tryNext: 'npm run build:web',
      },
    );
  });
  const data = `<script type="application/json" id="gradus-runs">${jsonForHtml(runs)}</script>`;
  // Use a function as the replacement, because `$&` in a replacement string would insert the match.
  return html.replace(mark, () => `${data}${mark}`);
}
