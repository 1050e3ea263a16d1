import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { ExportedRun, RunSink } from './sink.ts';
import { makeFolder } from '../../storage/make-folder.ts';

/** Tables of trackio 0.43, which creates its other tables when it opens the file. */
const tables = `
  CREATE TABLE IF NOT EXISTS metrics (
    id INTEGER PRIMARY KEY AUTOINCREMENT, run_id TEXT NOT NULL, timestamp TEXT NOT NULL, run_name TEXT NOT NULL,
    step INTEGER NOT NULL, metrics TEXT NOT NULL
  );
  CREATE TABLE IF NOT EXISTS configs (
    id INTEGER PRIMARY KEY AUTOINCREMENT, run_id TEXT NOT NULL, run_name TEXT NOT NULL, config TEXT NOT NULL,
    created_at TEXT NOT NULL, UNIQUE(run_id)
  );
`;

/**
 * Writes a run to a trackio project database: `TRACKIO_DIR=<folder> trackio show --project <recipe name>`. Replaces a
 * previous export of the run and keeps the other runs of the project.
 */
export async function trackioSink(folder: string, run: ExportedRun): Promise<RunSink> {
  await makeFolder(folder);
  const database = new DatabaseSync(join(folder, `${projectName(run.project)}.db`), { timeout: 5000 });
  database.exec(`PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; ${tables}`);
  for (const table of ['metrics', 'configs'])
    database.prepare(`DELETE FROM ${table} WHERE run_id = ?`).run(run.id);
  database
    .prepare('INSERT INTO configs (run_id, run_name, config, created_at) VALUES (?, ?, ?, ?)')
    .run(run.id, run.name, JSON.stringify(run.recipe), run.startedAt.toISOString());
  const insert = database.prepare(
    'INSERT INTO metrics (run_id, timestamp, run_name, step, metrics) VALUES (?, ?, ?, ?, ?)',
  );
  return {
    async write({ step, at, values }) {
      insert.run(run.id, at.toISOString(), run.name, step, JSON.stringify(values));
    },
    close: async () => database.close(),
  };
}

/** Removes the characters that trackio removes from a project name. */
const projectName = (name: string): string => name.replaceAll(/[^\w-]/g, '') || 'default';
