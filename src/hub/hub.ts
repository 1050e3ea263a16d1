import { join } from 'node:path';
import { DataError } from '../core/errors.ts';
import { type HubAddress, hubAddress, isCommit, parseHubAddress } from './address.ts';
import { cacheFolder, linkTo } from './cache.ts';
import { chooseFiles } from './choose-files.ts';
import { fetchBlob, type OnDownload } from './download.ts';
import { listRepository, repositoryFolder } from './repository.ts';
import { accessFromEnvironment } from './requests.ts';

/** How an address is read. */
export interface FetchOptions {
  /** The commit to read instead of whatever the address's revision is by now: what a run began with. */
  readonly commit?: string;
  /** Refuse a revision that is not a commit. */
  readonly pinned?: boolean;
  /** Ask nobody, whatever `HF_HUB_OFFLINE` says. */
  readonly isOffline?: boolean;
  readonly onDownload?: OnDownload | undefined;
  /** Aborting it ends the download with its reason; the next one goes on where it stopped. */
  readonly signal?: AbortSignal | undefined;
  /** The pause before something that failed is tried again, in milliseconds; it doubles with each try. */
  readonly pauseMs?: number;
}

/** What an address was at the time, on this machine's disk. */
export interface FetchedFiles {
  readonly commit: string;
  /** Holds the files under their paths in the repository. */
  readonly folder: string;
  /** In the order of their names. */
  readonly files: readonly {
    /** In the repository. */
    readonly path: string;
    /** At its commit. */
    readonly address: string;
    /** On this machine. */
    readonly file: string;
  }[];
}

/**
 * Brings the files that a `hf://` address names into the cache, or finds them there, and gives their places. Endpoint,
 * token, cache folder and offline mode are as `HF_ENDPOINT`, `HF_TOKEN`, `GRADUS_CACHE` and `HF_HUB_OFFLINE` say. A
 * branch or tag is looked up each time; a commit whose files are in the cache needs no network.
 *
 * @throws DataError for an address that names nothing, and whatever goes wrong on the way to it.
 */
export async function fetchHubFiles(text: string, options: FetchOptions = {}): Promise<FetchedFiles> {
  const address = pinnedTo(parseHubAddress(text), text, options);
  const asked = accessFromEnvironment(process.env, options.pauseMs);
  const access = { ...asked, isOffline: options.isOffline ?? asked.isOffline, signal: options.signal };
  const cache = cacheFolder(process.env);
  const listing = await listRepository(access, cache, address);
  const { commit } = listing;
  const chosen = address.kind === 'model' ? modelFiles(listing.files) : chooseFiles(listing, address);
  const folder = join(repositoryFolder(cache, address), commit);
  const files = [];
  for (const file of chosen) {
    const at = { ...address, revision: commit, path: file.path };
    const blob = await fetchBlob(access, cache, at, file, options.onDownload);
    const named = join(folder, file.path);
    await linkTo(blob, named);
    files.push({ path: file.path, address: hubAddress(at), file: named });
  }
  return { commit, folder, files };
}

function pinnedTo(address: HubAddress, text: string, { commit, pinned = false }: FetchOptions): HubAddress {
  if (pinned && !isCommit(address.revision))
    throw new DataError(
      `${text}: expected a commit of 40 hex digits as its revision, since it has to be pinned, got "${address.revision}"`,
      {
        code: 'HUB_NOT_PINNED',
        tryNext: hubAddress({ ...address, revision: '<commit>' }).replace('%3Ccommit%3E', '<commit>'),
      },
    );
  return commit === undefined ? address : { ...address, revision: commit };
}

/** Of a model's repository: what an engine reads, and neither other formats of the weights nor pictures. */
function modelFiles<T extends { readonly path: string }>(files: readonly T[]): T[] {
  return files.filter(({ path }) => /^[^/]+\.(?:json|safetensors|jinja|txt|model)$/.test(path));
}
