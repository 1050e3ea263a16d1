import * as z from 'zod';
import { DataError } from '../core/errors.ts';
import { RetryableError } from '../core/async/retry.ts';
import { type HubAddress, hubAddress, isCommit } from './address.ts';
import { type CachedRepository, readIfExists, writeIfChanged } from './cache.ts';
import { exclusive } from './exclusive.ts';
import { hubAnswer, type Listing, listSnapshot, readTree, writeTree } from './listing.ts';
import { get, type HubAccess, reasonOf, retryRequest } from './requests.ts';

/**
 * Lists the files of an address's repository at its revision. Commit and files come from one response, and files are
 * read at that commit, so a branch may move during the download. The list of a commit is requested once.
 *
 * @throws DataError if the revision is not in the cache in offline mode, or if the hub has no such repository
 * or revision.
 */
export async function listRepository(
  access: HubAccess,
  repository: CachedRepository,
  address: HubAddress,
): Promise<Listing> {
  const { revision } = address;
  const commit = isCommit(revision)
    ? revision
    : access.isOffline
      ? await readReference(repository, revision)
      : undefined;
  const known = commit === undefined ? undefined : await readTree(repository, commit);
  if (known !== undefined) return known;
  if (access.isOffline) {
    const fetched = commit === undefined ? undefined : await listSnapshot(repository, commit);
    if (fetched === undefined) throw offline(address);
    return fetched;
  }
  return requestListing(access, repository, address);
}

async function requestListing(
  access: HubAccess,
  repository: CachedRepository,
  address: HubAddress,
): Promise<Listing> {
  const { kind, repository: name, revision } = address;
  const url = `${access.endpoint}/api/${kind}s/${name}/revision/${encodeURIComponent(revision)}?blobs=true`;
  const shown = hubAddress({ ...address, path: '' });
  const body = await retryRequest(access, shown, async () => readJson(await get(access, url, shown)));
  const answer = hubAnswer.safeParse(body);
  if (!answer.success)
    throw new DataError(
      `${shown}: expected the hub's list of files, got something else: ${z.prettifyError(answer.error)}`,
      { code: 'HUB_FAILED', tryNext: `curl ${url}` },
    );
  const { sha: commit, siblings } = answer.data;
  if (isCommit(revision) && commit !== revision)
    throw new DataError(`${shown}: expected that commit, got ${commit}`, { code: 'HUB_CHANGED' });
  await keepListing(access, repository, revision, answer.data);
  const files = siblings.map(({ rfilename: path, size, blobId, lfs }) => ({
    path,
    size: lfs?.size ?? size,
    etag: lfs?.sha256 ?? blobId,
  }));
  return { commit, files };
}

async function keepListing(
  access: HubAccess,
  repository: CachedRepository,
  revision: string,
  answer: z.output<typeof hubAnswer>,
): Promise<void> {
  const { sha } = answer;
  const isKnown =
    (isCommit(revision) || (await readReference(repository, revision)) === sha) &&
    (await readTree(repository, sha)) !== undefined;
  if (isKnown) return;
  const write = async (): Promise<void> => {
    await writeTree(repository, answer);
    if (!isCommit(revision)) await writeIfChanged(repository.reference(revision), sha);
  };
  await exclusive(repository.lock('listing'), write, access.signal);
}

/** Returns the commit that a branch or tag had at the last lookup; undefined if none is recorded. */
async function readReference(repository: CachedRepository, revision: string): Promise<string | undefined> {
  const text = (await readIfExists(repository.reference(revision)))?.trim() ?? '';
  return isCommit(text) ? text : undefined;
}

/** Parses a response body as JSON. @throws RetryableError if the body is truncated or invalid. */
async function readJson(response: Response): Promise<unknown> {
  const text = await response.text().catch((cause: unknown) => {
    throw new RetryableError(reasonOf(cause), { cause });
  });
  try {
    return JSON.parse(text) as unknown;
  } catch (cause) {
    throw new RetryableError(`invalid JSON: ${JSON.stringify(text.slice(0, 60))}`, { cause });
  }
}

/** Returns the error for a file that is missing from the cache in offline mode. */
export function offline(address: HubAddress): DataError {
  return new DataError(
    `${hubAddress(address)}: expected it in the cache, because HF_HUB_OFFLINE is set, but it is missing; download it once while online`,
    { code: 'HUB_OFFLINE', tryNext: 'unset HF_HUB_OFFLINE' },
  );
}
