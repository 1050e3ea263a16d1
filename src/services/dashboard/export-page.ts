import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { RunError } from '../../core/errors.ts';
import { type ExportedRun, jsonForHtml } from './exported-run.ts';

/** The page that `npm run build:web` makes for exports: scripts and styles are in it, its runs are not. */
const template = 'export.html';
const mark = '<div id="root">';

/**
 * One HTML file that shows some runs and needs nothing else: it opens from a disk, requests nothing, and runs no script
 * but its own.
 *
 * @param pages the folder of built pages.
 * @throws RunError where they are not built.
 */
export async function exportPage(pages: string, runs: readonly ExportedRun[]): Promise<string> {
  const html = await readFile(join(pages, template), 'utf8').catch((cause: unknown) => {
    throw new RunError(
      `${join(pages, template)}: expected the page for exports, found none; a checkout builds it once`,
      {
        cause,
        tryNext: 'npm run build:web',
      },
    );
  });
  const data = `<script type="application/json" id="gradus-runs">${jsonForHtml(runs)}</script>`;
  // A function: `$&` in somebody's answer is no instruction to this replacement.
  return html.replace(mark, () => `${data}${mark}`);
}
