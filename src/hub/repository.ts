import { join } from 'node:path';
import * as z from 'zod';
import { DataError } from '../core/errors.ts';
import { RetryableError } from '../core/retry.ts';
import { type HubAddress, hubAddress, isCommit, isInside } from './address.ts';
import { readIfThere, writeWhole } from './cache.ts';
import { get, type HubAccess, reasonOf, retryRequest } from './requests.ts';

/** A file of a commit. */
export interface ListedFile {
  readonly path: string;
  /** Bytes. */
  readonly size: number;
  /** `sha256-<hex>` of the content, or `git-<hex>`: git's own name of it, for files that git holds itself. */
  readonly hash: string;
}

/** All files of a repository at one commit: their content can never change. */
export interface Listing {
  readonly commit: string;
  readonly files: readonly ListedFile[];
}

const hex = (length: number): z.ZodString => z.string().regex(new RegExp(`^[0-9a-f]{${length}}$`));
const answer = z.object({
  sha: hex(40),
  siblings: z.array(
    z.object({
      rfilename: z.string().min(1).refine(isInside, { error: 'expected a path inside the repository' }),
      size: z.int().min(0),
      blobId: hex(40),
      lfs: z.object({ sha256: hex(64), size: z.int().min(0) }).nullish(),
    }),
  ),
});

/** Where the cache keeps what it knows of a repository. */
export const repositoryFolder = (cache: string, { kind, repository }: HubAddress): string =>
  join(cache, 'hub', `${kind}s--${repository.replace('/', '--')}`);

/**
 * The files of an address's repository at its revision. Commit and files come from one answer, and what is read later is
 * read at that commit: a branch that moves meanwhile changes nothing. A commit's list is asked for once and kept.
 *
 * @throws DataError offline for a revision never seen here, or when the hub has no such repository or revision.
 */
export async function listRepository(
  access: HubAccess,
  cache: string,
  address: HubAddress,
): Promise<Listing> {
  const folder = repositoryFolder(cache, address);
  const reference = join(folder, 'refs', encodeURIComponent(address.revision));
  const known =
    isCommit(address.revision) || access.isOffline
      ? await knownListing(folder, reference, address)
      : undefined;
  if (known !== undefined) return known;
  if (access.isOffline) throw offline(address);
  const listing = await askForListing(access, address);
  await writeWhole(join(folder, `${listing.commit}.json`), JSON.stringify(listing));
  if (!isCommit(address.revision)) await writeWhole(reference, listing.commit);
  return listing;
}

async function knownListing(
  folder: string,
  reference: string,
  { revision }: HubAddress,
): Promise<Listing | undefined> {
  const commit = isCommit(revision) ? revision : await readIfThere(reference);
  const text = commit === undefined ? undefined : await readIfThere(join(folder, `${commit}.json`));
  try {
    return text === undefined ? undefined : (JSON.parse(text) as Listing);
  } catch {
    // A disk that lost half of it: the hub still has the whole.
    return undefined;
  }
}

async function askForListing(access: HubAccess, address: HubAddress): Promise<Listing> {
  const { kind, repository, revision } = address;
  const url = `${access.endpoint}/api/${kind}s/${repository}/revision/${encodeURIComponent(revision)}?blobs=true`;
  const name = hubAddress({ ...address, path: '' });
  const body = await retryRequest(access, name, async () => {
    const response = await get(access, url, name);
    return parsed(await response.text().catch((cause: unknown) => passing(cause)));
  });
  const result = answer.safeParse(body);
  if (!result.success)
    throw new DataError(
      `${name}: expected the hub's list of files, got something else: ${z.prettifyError(result.error)}`,
      {
        code: 'HUB_FAILED',
        tryNext: `curl ${url}`,
      },
    );
  const { sha: commit, siblings } = result.data;
  if (isCommit(revision) && commit !== revision)
    throw new DataError(`${name}: expected that commit, got ${commit}`, { code: 'HUB_CHANGED' });
  const files = siblings.map(({ rfilename: path, size, blobId, lfs }) => ({
    path,
    size: lfs?.size ?? size,
    hash: lfs == null ? `git-${blobId}` : `sha256-${lfs.sha256}`,
  }));
  return { commit, files };
}

/** Half an answer is not JSON, and the next one may be whole. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch (cause) {
    throw new RetryableError(`no JSON: ${JSON.stringify(text.slice(0, 60))}`, { cause });
  }
}

function passing(cause: unknown): never {
  throw new RetryableError(reasonOf(cause), { cause });
}

/** What is missing while nothing may be asked. */
export function offline(address: HubAddress): DataError {
  return new DataError(
    `${hubAddress(address)}: expected it in the cache, since HF_HUB_OFFLINE is set, found nothing there; fetch it once with a network`,
    { code: 'HUB_OFFLINE', tryNext: 'unset HF_HUB_OFFLINE' },
  );
}
