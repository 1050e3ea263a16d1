import { stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { writeFileAtomic } from '../storage/atomic.ts';
import { openRunReader } from '../runs/reading/run-reader.ts';
import { exportPage } from '../services/dashboard/export-page.ts';
import { runForPage } from '../services/dashboard/exported-run.ts';
import { tokenPieces } from '../models/token-pieces.ts';
import { pagesFolder } from './pages-folder.ts';

/** What `gradus runs export --html` wrote. */
export interface HtmlExport {
  readonly file: string;
  readonly bytes: number;
  /** A sentence for each thing that did not fit. */
  readonly omitted: readonly string[];
}

/**
 * Writes a run as one HTML file that opens from a disk.
 *
 * @param place a file, or a folder in which it is named after the run.
 */
export async function writeHtml(directory: string, place: string, maxBytes: number): Promise<HtmlExport> {
  using run = await openRunReader(directory);
  const shown = await runForPage(run, { at: new Date(), maxBytes, readPieces: tokenPieces() });
  const html = await exportPage(pagesFolder(), [shown]);
  const isFolder = (await stat(place).catch(() => undefined))?.isDirectory() === true;
  const file = isFolder ? join(place, `${basename(directory)}.html`) : place;
  await writeFileAtomic(file, html);
  return { file, bytes: Buffer.byteLength(html), omitted: shown.omitted };
}

/** What was written, and what is not in it. */
export function formatHtmlExport(directory: string, { file, bytes, omitted }: HtmlExport): string {
  const size = `${(bytes / 1e6).toFixed(1)} MB`;
  const left = omitted.map((what) => `\nleft out: ${what}`).join('');
  return `${directory} is in ${file} (${size})${left}`;
}
