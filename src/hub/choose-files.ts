import { DataError } from '../core/errors.ts';
import { type HubAddress, hubAddress } from './address.ts';
import type { ListedFile, Listing } from './listing.ts';

/** Returns whether `readRows` can read a file. */
const isData = ({ path }: ListedFile): boolean =>
  /\.(?:(?:jsonl|ndjson|json|csv|tsv)(?:\.gz)?|parquet)$/i.test(path);

/**
 * Returns the files that the path of an address names, sorted by path. The path is a file, a pattern, where `*` matches
 * within a folder and `**` across folders, or a split such as `train` or `main/train`. An empty path selects the only
 * data file.
 *
 * @throws DataError listing the data files if the path names no file, or files of several splits.
 */
export function chooseFiles(listing: Listing, address: HubAddress): ListedFile[] {
  const { path } = address;
  const exact = listing.files.filter((file) => file.path === path);
  if (exact.length > 0) return exact;
  const data = listing.files.filter(isData).toSorted((a, b) => (a.path < b.path ? -1 : 1));
  const found = path.includes('*') ? data.filter(matching(path)) : ofSplit(data, path);
  const isOne = path.includes('*') || new Set(found.map(kindOf)).size === 1;
  if (found.length > 0 && isOne && (path !== '' || data.length === 1)) return found;
  throw new DataError(
    `${hubAddress(address)}: expected ${path === '' ? 'a repository with one data file' : `the files of "${path}"`}, got ${
      found.length === 0 ? 'none' : 'files of several splits'
    }; data files there: ${namesOf(found.length === 0 ? data : found)}`,
    { code: 'HUB_NOT_FOUND' },
  );
}

function matching(pattern: string): (file: ListedFile) => boolean {
  const source = pattern
    .split(/(\*\*|\*)/)
    .map((part) =>
      part === '**' ? '.*' : part === '*' ? '[^/]*' : part.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&'),
    )
    .join('');
  const expression = new RegExp(`^${source}$`);
  return ({ path }) => expression.test(path);
}

/**
 * Selects the files of a split: `main/train-00000-of-00001.parquet`, `main/train/….parquet`, `data/train.jsonl`,
 * `train.jsonl.gz`.
 */
function ofSplit(data: readonly ListedFile[], path: string): ListedFile[] {
  const [split = '', ...before] = path.split('/').toReversed();
  const config = before.toReversed().join('/');
  return data.filter((file) => {
    const folders = file.path.split('/').slice(0, -1);
    const name = file.path.split('/').at(-1)!;
    const isInFolder = folders.at(-1) === split;
    const outer = (isInFolder ? folders.slice(0, -1) : folders).join('/');
    const isNamed = isInFolder || (name.startsWith(split) && /^[-._]/.test(name.slice(split.length)));
    return isNamed && (config === '' || outer === config || outer === `data/${config}`);
  });
}

/** Returns a path without its numbers, which distinguish the files of one split. */
const kindOf = ({ path }: ListedFile): string =>
  path.replaceAll(/\d+/g, '0').replace(/-[0-9a-f]{16}(?=\.)/, '');

function namesOf(files: readonly ListedFile[]): string {
  const shown = files.slice(0, 20).map(({ path }) => path);
  return shown.length === 0
    ? 'none'
    : shown.join(', ') + (files.length > 20 ? ` and ${files.length - 20} more` : '');
}
