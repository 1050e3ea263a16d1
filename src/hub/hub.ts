import { DataError } from '../core/errors.ts';
import { type HubAddress, hubAddress, isCommit, parseHubAddress } from './address.ts';
import { cachedRepository, cacheFolder } from './cache.ts';
import { chooseFiles } from './choose-files.ts';
import { fetchFile, type OnDownload } from './download.ts';
import { listRepository } from './repository.ts';
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
 * Returns the paths of the files that a `hf://` address names, downloading what is not in the cache. Reads `HF_ENDPOINT`,
 * `HF_TOKEN`, `HF_HUB_OFFLINE` and the cache folder (`HF_HUB_CACHE`, `HF_HOME`) from the environment. A branch or tag is
 * looked up each time; a commit whose files are cached needs no network.
 *
 * @throws DataError for an invalid address, missing files, and failed requests.
 */
export async function fetchHubFiles(text: string, options: FetchOptions = {}): Promise<FetchedFiles> {
  const address = pinnedTo(parseHubAddress(text), text, options);
  const asked = accessFromEnvironment(process.env, options.pauseMs);
  const access = { ...asked, isOffline: options.isOffline ?? asked.isOffline, signal: options.signal };
  const repository = cachedRepository(cacheFolder(process.env), address);
  const listing = await listRepository(access, repository, address);
  const { commit } = listing;
  const chosen = address.kind === 'model' ? modelFiles(listing.files) : chooseFiles(listing, address);
  const files = [];
  for (const file of chosen) {
    const at = { ...address, revision: commit, path: file.path };
    const path = await fetchFile(access, repository, at, file, options.onDownload);
    files.push({ path: file.path, address: hubAddress(at), file: path });
  }
  return { commit, folder: repository.snapshot(commit), files };
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
