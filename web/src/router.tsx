import { useCallback, useMemo, useSyncExternalStore, type ReactNode } from 'react';

/** Where the reader is. All of a view's state lives here, so that every state can be linked to. */
export interface Route {
  /** Decoded parts of the path: `['runs', 'demo-0001', 'rollouts']`. */
  readonly parts: readonly string[];
  readonly query: URLSearchParams;
}

/** Changes of filters: an empty value or list removes its filter, a list becomes a key for each of its values. */
export type Changes = Readonly<Record<string, string | number | readonly string[]>>;

/** The hash carries the address: it works the same when served and when a page is opened from a disk. */
export function useRoute(): Route {
  const hash = useSyncExternalStore(subscribe, () => location.hash);
  return useMemo(() => parse(hash), [hash]);
}

/** Reads and writes the filters of a view. The history keeps views, not every letter typed into a filter. */
export function useFilters(): [URLSearchParams, (changes: Changes) => void] {
  const { query } = useRoute();
  const change = useCallback((changes: Changes) => {
    const now = parse(location.hash);
    history.replaceState(null, '', address(now.parts, changed(now.query, changes)));
    dispatchEvent(new HashChangeEvent('hashchange'));
  }, []);
  return [query, change];
}

/** Goes to a view, as following a link does. */
export function go(to: readonly string[], query: Changes = {}): void {
  location.hash = address(to, changed(new URLSearchParams(), query));
}

/** The address of a view, for an anchor. */
export function hrefOf(to: readonly string[], query: Changes = {}): string {
  return address(to, changed(new URLSearchParams(), query));
}

/** A link to a view; a real anchor, so that it can be opened elsewhere and copied. */
export function Link(props: {
  readonly to: readonly string[];
  readonly query?: Changes;
  readonly className?: string | undefined;
  readonly current?: boolean;
  /** One of the rows that `j` and `k` walk. */
  readonly isRow?: boolean;
  readonly children: ReactNode;
}) {
  return (
    <a
      href={hrefOf(props.to, props.query)}
      className={props.className}
      data-row={props.isRow}
      aria-current={props.current === true ? 'page' : undefined}
    >
      {props.children}
    </a>
  );
}

function address(parts: readonly string[], query: URLSearchParams): string {
  const path = parts.map(encodeURIComponent).join('/');
  return `#/${path}${query.size === 0 ? '' : `?${query.toString()}`}`;
}

function changed(query: URLSearchParams, changes: Changes): URLSearchParams {
  const next = new URLSearchParams(query);
  for (const [name, value] of Object.entries(changes)) {
    next.delete(name);
    const values = typeof value === 'object' ? value : [String(value)];
    for (const one of values) if (one !== '') next.append(name, one);
  }
  return next;
}

function subscribe(listener: () => void): () => void {
  addEventListener('hashchange', listener);
  return () => {
    removeEventListener('hashchange', listener);
  };
}

function parse(hash: string): Route {
  const [path = '', search = ''] = hash.replace(/^#\/?/u, '').split(/\?(.*)/su);
  return { parts: path.split('/').filter(Boolean).map(decode), query: new URLSearchParams(search) };
}

/** A link typed by hand may hold a percent sign that starts no escape. */
function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
