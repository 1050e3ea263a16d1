import { DataError } from '../core/errors.ts';

/** Parts of an `hf://` address: files of one repository of a Hugging Face hub. */
export interface HubAddress {
  readonly kind: 'dataset' | 'model';
  /** `owner/name`. */
  readonly repository: string;
  /** A branch, a tag, `refs/…` or a commit. */
  readonly revision: string;
  /** Path in the repository: a file, a pattern, a folder or a split; empty: all files. */
  readonly path: string;
}

/** Returns whether a path is a hub address rather than a local path. */
export const isHubAddress = (path: string): boolean => path.startsWith('hf://');

/** Returns whether a revision is a full commit hash, whose content never changes. */
export const isCommit = (revision: string): boolean => /^[0-9a-f]{40}$/.test(revision);

const form =
  /^hf:\/\/(?<datasets>datasets\/)?(?<repository>(?!datasets\/|spaces\/)[\w-][\w.-]*\/[\w-][\w.-]*)(?:@(?<revision>refs\/convert\/[\w.-]+|refs\/pr\/\d+|[^/]+))?(?:\/(?<path>.*))?$/;

/**
 * Parses an address: `hf://datasets/owner/name[@revision]/path`, or `hf://owner/name[@revision]` for a model, as
 * `huggingface_hub` writes them. A slash in a revision is written as `%2F`; the default revision is `main`.
 *
 * @throws DataError if the address has any other form, or if its path lies outside the repository.
 */
export function parseHubAddress(address: string): HubAddress {
  const { datasets, repository, revision = 'main', path = '' } = form.exec(address)?.groups ?? {};
  const decoded = decodeOrUndefined(revision);
  if (
    repository === undefined ||
    decoded === undefined ||
    !isInside(path) ||
    !isInside(decoded) ||
    /[\s?#\\]/.test(decoded)
  )
    throw new DataError(
      `expected hf://datasets/<owner>/<name>[@revision]/<file, pattern or split>, or hf://<owner>/<name>[@revision] for a model, got ${JSON.stringify(address)}`,
      { tryNext: 'gradus data import hf://datasets/openai/gsm8k/main/train --out problems.jsonl' },
    );
  return {
    kind: datasets === undefined ? 'model' : 'dataset',
    repository,
    revision: decoded,
    path: path.replace(/\/+$/, ''),
  };
}

/** Returns the address of a path at a revision. */
export function hubAddress({ kind, repository, revision, path }: HubAddress): string {
  const at = revision === 'main' ? '' : `@${encodeURIComponent(revision)}`;
  return `hf://${kind === 'dataset' ? 'datasets/' : ''}${repository}${at}${path === '' ? '' : `/${path}`}`;
}

/** Returns whether a relative path stays inside its base folder, on every platform. */
export function isInside(path: string): boolean {
  return (
    !/[\0\\]/.test(path) &&
    !path.startsWith('/') &&
    !path.split('/').some((part) => part === '..' || part === '.')
  );
}

function decodeOrUndefined(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}
