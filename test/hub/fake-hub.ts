import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A repository of a fake hub: the files of each commit, and the commits of its branches. */
export interface FakeRepository {
  readonly kind?: 'dataset' | 'model';
  readonly name: string;
  /** Commit → path → content. */
  readonly commits: Readonly<Record<string, Readonly<Record<string, string | Uint8Array>>>>;
  /** Branch → commit; tests change them. */
  readonly branches: Record<string, string>;
  /** Paths in git-lfs, which the content server serves after a redirect. */
  readonly lfs?: readonly string[];
  readonly token?: string;
}

/** Failure to inject into one response. */
export type Fault =
  | { readonly status: number; readonly headers?: Readonly<Record<string, string>> }
  /** Closes the connection after this many bytes of the body. */
  | { readonly dropAfter: number }
  /** Stalls after this many bytes and keeps the connection open. */
  | { readonly stallAfter: number }
  | { readonly body: string | Uint8Array }
  | { readonly redirect: string };

export interface SeenRequest {
  readonly server: 'hub' | 'content';
  readonly path: string;
  readonly range: string | undefined;
  readonly authorization: string | undefined;
}

/** A hub on loopback, with a second server for the content of large files, like the real one. */
export interface FakeHub extends AsyncDisposable {
  readonly endpoint: string;
  readonly requests: SeenRequest[];
  /** Called before each response; `undefined` for none. */
  fault: (request: SeenRequest, count: number) => Fault | undefined;
}

export const commitOf = (name: string): string => createHash('sha1').update(name).digest('hex');

export async function openFakeHub(repositories: readonly FakeRepository[]): Promise<FakeHub> {
  const content = createServer((request, response) => answer('content', request, response));
  const hub = createServer((request, response) => answer('hub', request, response));
  const [endpoint, contentAddress] = [await listen(hub), await listen(content)];
  const seen: SeenRequest[] = [];
  const fake: FakeHub = {
    endpoint,
    requests: seen,
    fault: () => undefined,
    async [Symbol.asyncDispose]() {
      for (const server of [hub, content]) {
        server.closeAllConnections();
        await new Promise((done) => server.close(done));
      }
    },
  };

  function answer(server: 'hub' | 'content', incoming: IncomingMessage, response: ServerResponse): void {
    const path = incoming.url ?? '';
    const { range, authorization } = incoming.headers;
    const request: SeenRequest = { server, path, range, authorization };
    seen.push(request);
    const fault = fake.fault(request, seen.length);
    if (fault !== undefined && 'status' in fault)
      return void response.writeHead(fault.status, fault.headers).end('no');
    if (fault !== undefined && 'redirect' in fault)
      return void response.writeHead(302, { location: fault.redirect }).end();
    if (server === 'content') return send(response, contentAt(path), range, fault);
    serveHub(path, authorization, range, response, fault);
  }

  function serveHub(
    path: string,
    authorization: string | undefined,
    range: string | undefined,
    response: ServerResponse,
    fault: Fault | undefined,
  ): void {
    const repository = repositories.find(({ name }) => path.includes(`/${name}/`));
    if (repository === undefined)
      return void response.writeHead(404, { 'x-error-code': 'RepoNotFound' }).end();
    if (repository.token !== undefined && authorization !== `Bearer ${repository.token}`)
      return void response.writeHead(401, { 'x-error-code': 'GatedRepo' }).end();
    const [, revision] = /\/(?:revision|resolve|tree)\/([^/?]+)/.exec(path) ?? [];
    const name = decodeURIComponent(revision ?? '');
    const commit = repository.branches[name] ?? name;
    const files = repository.commits[commit];
    if (files === undefined)
      return void response.writeHead(404, { 'x-error-code': 'RevisionNotFound' }).end();
    if (path.startsWith('/api/')) {
      const isTree = path.includes('/tree/');
      const listed = isTree ? treeOf(repository, commit) : listing(repository, commit);
      return send(response, Buffer.from(listed), undefined, fault);
    }
    const file = decodeURIComponent(path.slice(path.indexOf(`/${revision}/`) + revision!.length + 2));
    const body = files[file];
    if (body === undefined) return void response.writeHead(404, { 'x-error-code': 'EntryNotFound' }).end();
    const isLfs = repository.lfs?.includes(file) === true;
    const { blobId, sha256 } = hashesOf(Buffer.from(body));
    response.setHeader('x-repo-commit', commit);
    response.setHeader('etag', `"${blobId}"`);
    if (isLfs) response.setHeader('x-linked-etag', `"${sha256}"`);
    if (isLfs) response.setHeader('x-linked-size', Buffer.from(body).length);
    if (isLfs && fault === undefined)
      return void response
        .writeHead(302, {
          location: `${contentAddress}/${repository.name}/${commit}/${file}?X-Signature=secret`,
        })
        .end();
    send(response, Buffer.from(body), range, fault);
  }

  function contentAt(path: string): Buffer {
    const [, owner, name, commit, ...rest] = new URL(path, 'http://content').pathname.split('/');
    const repository = repositories.find((one) => one.name === `${owner}/${name}`)!;
    return Buffer.from(repository.commits[commit!]![rest.join('/')]!);
  }
  return fake;
}

function listing({ commits, lfs = [] }: FakeRepository, commit: string): string {
  const siblings = Object.entries(commits[commit]!).map(([rfilename, content]) => {
    const body = Buffer.from(content);
    const { blobId, sha256 } = hashesOf(body);
    const large = lfs.includes(rfilename) && { lfs: { sha256, size: body.length, pointerSize: 132 } };
    return { rfilename, size: body.length, blobId, ...large };
  });
  return JSON.stringify({ id: 'x', sha: commit, private: false, siblings });
}

/** Returns the response to `/api/<kind>s/<repository>/tree/<revision>`, with which huggingface_hub lists a commit. */
function treeOf({ commits, lfs = [] }: FakeRepository, commit: string): string {
  const files = Object.entries(commits[commit]!).map(([path, content]) => {
    const body = Buffer.from(content);
    const { blobId: oid, sha256 } = hashesOf(body);
    const large = lfs.includes(path) && { lfs: { oid: sha256, size: body.length, pointerSize: 132 } };
    return { type: 'file', path, size: body.length, oid, ...large };
  });
  return JSON.stringify(files);
}

function hashesOf(body: Buffer): { readonly blobId: string; readonly sha256: string } {
  return {
    blobId: createHash('sha1').update(`blob ${body.length}\0`).update(body).digest('hex'),
    sha256: createHash('sha256').update(body).digest('hex'),
  };
}

function send(
  response: ServerResponse,
  whole: Buffer,
  range: string | undefined,
  fault: Fault | undefined,
): void {
  const body = fault !== undefined && 'body' in fault ? Buffer.from(fault.body) : whole;
  const from = Number(/^bytes=(\d+)-$/.exec(range ?? '')?.[1] ?? 0);
  const part = body.subarray(from);
  const isPart = from > 0;
  response.writeHead(isPart ? 206 : 200, {
    'content-length': part.length,
    ...(isPart ? { 'content-range': `bytes ${from}-${body.length - 1}/${body.length}` } : {}),
  });
  if (fault !== undefined && 'stallAfter' in fault)
    return void response.write(part.subarray(0, fault.stallAfter));
  if (fault === undefined || !('dropAfter' in fault)) return void response.end(part);
  // Unlike `destroy`, `end` delivers the written bytes before it closes the socket.
  response.write(part.subarray(0, fault.dropAfter), () => response.socket?.end());
}

async function listen(server: Server): Promise<string> {
  await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}
