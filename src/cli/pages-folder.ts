import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { RunError } from '../core/errors.ts';

/** Candidates: beside the compiled program, and the build folder of a checkout. */
const folders = ['../web/', '../../dist/web/'].map((path) => fileURLToPath(new URL(path, import.meta.url)));

/** Returns the folder of the built dashboard pages. @throws RunError when they are not built. */
export function pagesFolder(): string {
  const found = folders.find((folder) => existsSync(`${folder}index.html`));
  if (found !== undefined) return found;
  throw new RunError(`expected the built dashboard pages in ${folders[1]!}, found none; build them once`, {
    tryNext: `npm --prefix ${fileURLToPath(new URL('../../', import.meta.url))} run build:web`,
  });
}
