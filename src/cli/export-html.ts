import { runProgress } from '../evaluation/run-progress.ts';
import { stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { writeFileAtomic } from '../storage/atomic.ts';
import { openRunReader } from '../runs/reading/run-reader.ts';
import { exportPage } from '../services/dashboard/export-page.ts';
import { runForPage } from '../services/dashboard/exported-run.ts';
import { tokenPieces } from '../models/token-pieces.ts';
import { pagesFolder } from './pages-folder.ts';

/** Result of `gradus runs export --html`. */
export interface HtmlExport {
  readonly file: string;
  readonly bytes: number;
  /** One phrase per omitted part. */
  readonly omitted: readonly string[];
}

/**
 * Writes a run as one self-contained HTML file.
 *
 * @param place file to write, or a folder, in which the file is named after the run.
 */
export async function writeHtml(directory: string, place: string, maxBytes: number): Promise<HtmlExport> {
  using run = await openRunReader(directory);
  const shown = await runForPage(run, {
    at: new Date(),
    maxBytes,
    readPieces: tokenPieces(),
    compareProgress: runProgress,
  });
  const html = await exportPage(pagesFolder(), [shown]);
  const isFolder = (await stat(place).catch(() => undefined))?.isDirectory() === true;
  const file = isFolder ? join(place, `${basename(directory)}.html`) : place;
  await writeFileAtomic(file, html);
  return { file, bytes: Buffer.byteLength(html), omitted: shown.omitted };
}

/** Formats the result: file, size and omitted parts. */
export function formatHtmlExport(directory: string, { file, bytes, omitted }: HtmlExport): string {
  const size = `${(bytes / 1e6).toFixed(1)} MB`;
  const left = omitted.map((what) => `\nomitted: ${what}`).join('');
  return `exported ${directory} to ${file} (${size})${left}`;
}
