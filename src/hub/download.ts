import { createHash, type Hash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { type FileHandle, open, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { DataError } from '../core/errors.ts';
import { RetryableError } from '../core/async/retry.ts';
import { publishDraft } from '../storage/atomic.ts';
import { type HubAddress, hubAddress } from './address.ts';
import { type CachedRepository, linkToBlob, sizeOf } from './cache.ts';
import { exclusive } from './exclusive.ts';
import type { ListedFile } from './listing.ts';
import { offline } from './repository.ts';
import { get, type HubAccess, reasonOf, retryRequest } from './requests.ts';
import { makeFolder } from '../storage/make-folder.ts';

/** Receives the progress of a download in bytes. */
export type OnDownload = (file: string, done: number, total: number) => void;

/**
 * Returns the path of a file in the snapshot of its commit, downloading it if it is not cached. An interrupted download
 * resumes where it stopped. A file gets its final name only after its size and hash match the listing.
 *
 * @param address address of the file, pinned to a commit.
 * @throws DataError if the hub cannot be reached, rejects the request, or sends wrong content twice.
 */
export async function fetchFile(
  access: HubAccess,
  repository: CachedRepository,
  address: HubAddress,
  file: ListedFile,
  onDownload?: OnDownload,
): Promise<string> {
  const { size, etag } = file;
  const named = join(repository.snapshot(address.revision), file.path);
  if ((await sizeOf(named)) === size) return named;
  if (etag === undefined) throw offline(address);
  const blob = repository.blob(etag);
  const isCached = async (): Promise<boolean> => (await sizeOf(blob)) === size;
  if (access.isOffline && !(await isCached())) throw offline(address);
  const fetchBlob = async (): Promise<void> => {
    if (!(await isCached())) {
      const draft = `${blob}.gradus.incomplete`;
      await makeFolder(dirname(blob));
      await complete(access, address, { ...file, etag }, draft, onDownload);
      await publishDraft(draft, blob);
    }
    await linkToBlob(blob, named);
  };
  await exclusive(repository.lock(etag), fetchBlob, access.signal);
  return named;
}

/** Fills a draft and checks its hash. Content with a wrong hash is downloaded once more from the start. */
async function complete(
  access: HubAccess,
  address: HubAddress,
  file: Required<ListedFile>,
  partial: string,
  onDownload: OnDownload | undefined,
): Promise<void> {
  for (let isLast = false; ; isLast = true) {
    let received = (await sizeOf(partial)) ?? 0;
    const receive = async (): Promise<void> => {
      received = await receiveRest(access, address, file, partial, (done) => {
        received = done;
        onDownload?.(file.path, done, file.size);
      });
    };
    await retryRequest(access, hubAddress(address), receive, () => received);
    const found = await etagOf(partial, file);
    if (found === file.etag) return;
    await rm(partial);
    if (isLast)
      throw new DataError(
        `${hubAddress(address)}: expected content with the hash ${file.etag}, got ${found} twice; the hub or a proxy returned different content`,
        { code: 'HUB_CHANGED' },
      );
  }
}

/** Downloads the missing end of a file and appends it. Returns the new size, which equals the listed size. */
async function receiveRest(
  access: HubAccess,
  address: HubAddress,
  { size }: ListedFile,
  partial: string,
  onBytes: (done: number) => void,
): Promise<number> {
  const { kind, repository, revision, path } = address;
  const place = path.split('/').map(encodeURIComponent).join('/');
  const url = `${access.endpoint}/${kind === 'dataset' ? 'datasets/' : ''}${repository}/resolve/${revision}/${place}`;
  await using handle = await open(partial, 'a+');
  const before = (await handle.stat()).size;
  if (before === size) return size;
  const from = before < size ? before : 0;
  const response = await get(access, url, hubAddress(address), from > 0 ? `bytes=${from}-` : undefined);
  const start = response.status === 206 ? from : 0;
  if (start !== before) await handle.truncate(start);
  if (!isRequestedRange(response, from)) {
    await response.body?.cancel();
    await handle.truncate(0);
    throw new RetryableError(`a range other than the bytes from ${from} on`);
  }
  const done = await append(handle, response, start, size, onBytes);
  if (done < size) throw new RetryableError(`${done} of ${size} bytes`);
  await handle.sync();
  return done;
}

/** Returns whether a response contains the complete file or the requested part of it. */
function isRequestedRange({ status, headers }: Response, from: number): boolean {
  if (status === 200) return true;
  return status === 206 && headers.get('content-range')?.startsWith(`bytes ${from}-`) === true;
}

async function append(
  handle: FileHandle,
  response: Response,
  start: number,
  size: number,
  onBytes: (done: number) => void,
): Promise<number> {
  let done = start;
  try {
    for await (const piece of response.body ?? []) {
      if (done + piece.length > size) throw new RetryableError(`more than ${size} bytes`);
      await handle.appendFile(piece);
      onBytes((done += piece.length));
    }
  } catch (cause) {
    if (cause instanceof RetryableError) {
      await handle.truncate(0);
      throw cause;
    }
    if (cause instanceof Error && 'syscall' in cause && 'path' in cause) throw cause;
    throw new RetryableError(`${reasonOf(cause)} after ${done} of ${size} bytes`, { cause });
  }
  return done;
}

/**
 * Hashes a file with the algorithm that the listing used: sha256, or git's sha1 (of a header, then the content).
 */
async function etagOf(path: string, { etag, size }: Required<ListedFile>): Promise<string> {
  return etag.length === 64 ? hashFile(path) : hashFile(path, createHash('sha1').update(`blob ${size}\0`));
}

/** Returns the hash of a file in hex; sha256 by default. */
export async function hashFile(path: string, hash: Hash = createHash('sha256')): Promise<string> {
  for await (const piece of createReadStream(path, { highWaterMark: 1 << 20 }))
    hash.update(piece as Uint8Array);
  return hash.digest('hex');
}
