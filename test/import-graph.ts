import { globSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';

/** One import, with the importing and the imported file, both relative to `src/`. */
export interface ImportEdge {
  readonly from: string;
  readonly to: string;
}

/** A row of ARCHITECTURE.md: what a folder may import besides `core` and itself. */
export interface LayerRow {
  /** `difficulty`, or `difficulty/levels` for a folder inside a room. */
  readonly folder: string;
  readonly allowed: readonly string[];
  /** Rooms from which only the interface file may be imported. */
  readonly interfacesOnly: readonly string[];
}

/** The files with a room's interface: the only files that an "(interface)" row may import from it. */
const interfaceFiles: Readonly<Record<string, readonly string[]>> = {
  engines: ['engines/engine.ts'],
  environments: ['environments/environment.ts', 'environments/tool.ts'],
  verifiers: ['verifiers/verifier.ts', 'verifiers/step-scorer.ts'],
};

const importOf = /(?:from|import)\s*\(?\s*['"](\.[^'"]+)['"]/g;

/** Reads every relative import between source files, including those of types. Excludes tests. */
export const readImports = (): ImportEdge[] =>
  globSync('src/**/*.ts', { exclude: ['**/*.test.ts'] }).flatMap((file) =>
    [...readFileSync(file, 'utf8').matchAll(importOf)].map(([, specifier]) => ({
      from: relative('src', file),
      to: relative('src', join(dirname(file), specifier!)),
    })),
  );

/** Reads the rows of both tables, such as "| `src/rollout` | … | engines (interface), core |". */
export function readLayers(markdown: string): LayerRow[] {
  return markdown
    .split('\n')
    .flatMap((line) => /^\| `src\/([\w/-]+)` \|.*\| ([^|]*) \|$/.exec(line) ?? [])
    .reduce<LayerRow[]>((rows, cell, i, cells) => {
      if (i % 3 !== 1) return rows;
      const names = cells[i + 1]!.split(',').map((name) => name.trim().replaceAll('`', ''));
      const known = names.filter((name) => name !== '–' && name !== '');
      const isInterface = (name: string): boolean => name.endsWith(' (interface)');
      rows.push({
        folder: cell,
        allowed: known.filter((name) => !isInterface(name)),
        interfacesOnly: known.filter(isInterface).map((name) => name.replace(' (interface)', '')),
      });
      return rows;
    }, []);
}

const roomOf = (path: string): string => (path.includes('/') ? path.split('/')[0]! : '');

/** Returns the innermost folder of the table that contains this file; the room itself if no folder inside it is
 * listed. */
function folderOf(path: string, rows: ReadonlyMap<string, LayerRow>): string {
  const parts = path.split('/').slice(0, -1);
  for (let length = parts.length; length > 1; length--) {
    const folder = parts.slice(0, length).join('/');
    if (rows.has(folder)) return folder;
  }
  return roomOf(path);
}

/** Returns imports that the table forbids, as "a.ts imports b.ts". Files beside `src/index.ts` belong to no room. */
export function forbiddenImports(edges: readonly ImportEdge[], layers: readonly LayerRow[]): string[] {
  const rows = new Map(layers.map((row) => [row.folder, row]));
  const isAllowed = ({ from, to }: ImportEdge): boolean => {
    const [room, target] = [roomOf(from), roomOf(to)];
    if (room === '' || target === 'core') return true;
    if (room === target) return isAllowedInside(from, to);
    const row = rows.get(room);
    if (row === undefined) return false;
    if (row.interfacesOnly.includes(target)) return interfaceFiles[target]?.includes(to) === true;
    return row.allowed.includes(target);
  };
  // Inside a room, rules apply only to folders with a row; all files of a room may import the files
  // directly in it.
  const isAllowedInside = (from: string, to: string): boolean => {
    const [folder, target] = [folderOf(from, rows), folderOf(to, rows)];
    const row = rows.get(folder);
    return (
      folder === target || target === roomOf(to) || !folder.includes('/') || row!.allowed.includes(target)
    );
  };
  return edges.filter((edge) => !isAllowed(edge)).map(({ from, to }) => `${from} imports ${to}`);
}

/** Returns import cycles, including those of types; each is a list of files that import one another. */
export function importCircles(edges: readonly ImportEdge[]): string[][] {
  const next = Map.groupBy(edges, ({ from }) => from);
  const index = new Map<string, number>();
  const low = new Map<string, number>();
  const stack: string[] = [];
  const circles: string[][] = [];
  const visit = (file: string): void => {
    index.set(file, index.size);
    low.set(file, index.get(file)!);
    stack.push(file);
    for (const { to } of next.get(file) ?? []) {
      if (!index.has(to)) visit(to);
      if (stack.includes(to)) low.set(file, Math.min(low.get(file)!, low.get(to)!));
    }
    if (low.get(file) !== index.get(file)) return;
    const circle = stack.splice(stack.indexOf(file));
    if (circle.length > 1) circles.push(circle.toSorted());
  };
  for (const file of next.keys()) if (!index.has(file)) visit(file);
  return circles;
}
