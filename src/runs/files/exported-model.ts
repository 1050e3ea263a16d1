import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { runLayout } from './layout.ts';

/** The Hugging Face folder that a run wrote at its end; undefined before that. */
export function exportedModel(directory: string): string | undefined {
  const folder = runLayout(directory).export;
  return existsSync(join(folder, 'config.json')) ? folder : undefined;
}
