import { createHash, type Hash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { type FileHandle, mkdir, open, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { DataError } from '../core/errors.ts';
import { RetryableError } from '../core/retry.ts';
import { type HubAddress, hubAddress } from './address.ts';
import { alone } from './cache.ts';
import { type ListedFile, offline } from './repository.ts';
import { get, type HubAccess, reasonOf, retryRequest } from './requests.ts';

/** Told how many bytes of a file have come. */
export type OnDownload = (file: string, done: number, total: number) => void;

/**
 * The path of a file's content in the cache, fetched if it is not there. A download that ended early goes on where it
 * stopped; its content counts once its size and hash are those of the list, and only then gets its name.
 *
 * @param address of the file, at a commit.
 * @throws DataError when the hub cannot be reached, refuses, or sends other content twice.
 */
export async function fetchBlob(
  access: HubAccess,
  cache: string,
  address: HubAddress,
  file: ListedFile,
  onDownload?: OnDownload,
): Promise<string> {
  const blob = join(cache, 'hub', 'blobs', file.hash);
  if ((await sizeOf(blob)) === file.size) return blob;
  if (access.isOffline) throw offline(address);
  await mkdir(dirname(blob), { recursive: true });
  return alone(cache, file.hash, async () => {
    if ((await sizeOf(blob)) === file.size) return blob;
    const partial = `${blob}.partial`;
    await complete(access, address, file, partial, onDownload);
    await rename(partial, blob);
    return blob;
  });
}

/** Fills a partial file and checks it. One that turns out wrong is fetched once more from the start: a disk may have lied. */
async function complete(
  access: HubAccess,
  address: HubAddress,
  file: ListedFile,
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
    const found = await hashLike(file.hash, partial, file.size);
    if (found === file.hash) return;
    await rm(partial);
    if (isLast)
      throw new DataError(
        `${hubAddress(address)}: expected content with ${file.hash}, got ${found} twice; the hub or something on the way sends another file`,
        { code: 'HUB_CHANGED' },
      );
  }
}

/** Asks for what is missing of a file and appends it. Returns its size, which is then the listed one. */
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
  if (!isWhatWasAsked(response, from)) {
    await response.body?.cancel();
    await handle.truncate(0);
    throw new RetryableError(`other bytes than those from ${from} on`);
  }
  const done = await append(handle, response, start, size, onBytes);
  if (done < size) throw new RetryableError(`${done} of ${size} bytes`);
  await handle.sync();
  return done;
}

/** The whole file, or the part of it that was asked for. */
function isWhatWasAsked({ status, headers }: Response, from: number): boolean {
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

async function sizeOf(path: string): Promise<number | undefined> {
  return stat(path).then(
    ({ size }) => size,
    () => undefined,
  );
}

/** The hash of a file in the form of `expected`: of its content, or with git's header before it. */
async function hashLike(expected: string, path: string, size: number): Promise<string> {
  if (!expected.startsWith('git-')) return `sha256-${await hashFile(path)}`;
  return `git-${await hashFile(path, createHash('sha1').update(`blob ${size}\0`))}`;
}

/** The sha256 of a file, in hex. */
export async function hashFile(path: string, hash: Hash = createHash('sha256')): Promise<string> {
  for await (const piece of createReadStream(path, { highWaterMark: 1 << 20 }))
    hash.update(piece as Uint8Array);
  return hash.digest('hex');
}
