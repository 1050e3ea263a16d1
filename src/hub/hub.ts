import { DataError } from '../core/errors.ts';
import { type HubAddress, hubAddress, isCommit, parseHubAddress } from './address.ts';
import { cachedRepository, cacheFolder } from './cache.ts';
import { chooseFiles } from './choose-files.ts';
import { fetchFile, type OnDownload } from './download.ts';
import { listRepository } from './repository.ts';
import { accessFromEnvironment } from './requests.ts';

/** Options of `fetchHubFiles`. */
export interface FetchOptions {
  /** Commit to read instead of the revision's current one, e.g. the commit with which a run started. */
  readonly commit?: string;
  /** Reject a revision that is not a commit. */
  readonly pinned?: boolean;
  /** Read the cache only. Default: `HF_HUB_OFFLINE`. */
  readonly isOffline?: boolean;
  readonly onDownload?: OnDownload | undefined;
  /** Aborting ends the download with the reason of the signal; the next call resumes it. */
  readonly signal?: AbortSignal | undefined;
  /** Pause before the first retry, in milliseconds; doubles with each retry. */
  readonly pauseMs?: number;
}

/** Local copies of the files that an address names, at the commit to which it resolved. */
export interface FetchedFiles {
  readonly commit: string;
  /** Folder with the files under their paths in the repository. */
  readonly folder: string;
  /** The files, sorted by path. */
  readonly files: readonly {
    /** Path in the repository. */
    readonly path: string;
    /** Address of the file, pinned to the commit. */
    readonly address: string;
    /** Path on this machine. */
    readonly file: string;
  }[];
}

/**
 * Returns the paths of the files that an `hf://` address names, and downloads those that are not in the cache. Reads
 * `HF_ENDPOINT`, `HF_TOKEN`, `HF_HUB_OFFLINE` and the cache folder (`HF_HUB_CACHE`, `HF_HOME`) from the environment. A
 * branch or tag is looked up each time; a commit whose files are cached needs no network.
 *
 * @throws DataError if the address is invalid, a file is missing, or a request fails.
 */
export async function fetchHubFiles(text: string, options: FetchOptions = {}): Promise<FetchedFiles> {
  const address = pinnedTo(parseHubAddress(text), text, options);
  const usual = accessFromEnvironment(process.env, options.pauseMs);
  const access = { ...usual, isOffline: options.isOffline ?? usual.isOffline, signal: options.signal };
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
      `${text}: expected a commit of 40 hex digits as the revision of a pinned source, got "${address.revision}"`,
      {
        code: 'HUB_NOT_PINNED',
        tryNext: hubAddress({ ...address, revision: '<commit>' }).replace('%3Ccommit%3E', '<commit>'),
      },
    );
  if (commit === undefined) return address;
  if (!isCommit(commit))
    throw new DataError(
      `${text}: expected a recorded commit of 40 hex digits, got ${JSON.stringify(commit)}`,
      {
        code: 'HUB_COMMIT_INVALID',
      },
    );
  return { ...address, revision: commit };
}

/** Selects the model files that engines read, and leaves out other weight formats and images. */
function modelFiles<T extends { readonly path: string }>(files: readonly T[]): T[] {
  return files.filter(({ path }) => /^[^/]+\.(?:json|safetensors|jinja|txt|model)$/.test(path));
}
