import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { RunError } from '../core/errors.ts';

/** Beside the compiled program, or where a checkout builds them. */
const folders = ['../web/', '../../dist/web/'].map((path) => fileURLToPath(new URL(path, import.meta.url)));

/** The folder of the built pages. @throws RunError where they are not built. */
export function pagesFolder(): string {
  const found = folders.find((folder) => existsSync(`${folder}index.html`));
  if (found !== undefined) return found;
  throw new RunError(
    'expected the pages of the dashboard in dist/web, found none: a checkout builds them once',
    { tryNext: 'npm run build:web' },
  );
}
