import { useCallback, useMemo, useSyncExternalStore, type ReactNode } from 'react';

/** The current location. It contains the complete state of a view, so that every state can be linked
 * to. */
export interface Route {
  /** Decoded parts of the path: `['runs', 'demo-0001', 'rollouts']`. */
  readonly parts: readonly string[];
  readonly query: URLSearchParams;
}

/** Changes of filters: an empty value or list removes its filter; a list becomes a repeated key. */
export type Changes = Readonly<Record<string, string | number | readonly string[]>>;

/** Returns the route from the URL's hash, which works for served pages and for files opened from disk. */
export function useRoute(): Route {
  const hash = useSyncExternalStore(subscribe, () => location.hash);
  return useMemo(() => parse(hash), [hash]);
}

/** Reads and writes the filters of a view. Changes replace the history entry, so that the back button skips keystrokes. */
export function useFilters(): [URLSearchParams, (changes: Changes) => void] {
  const { query } = useRoute();
  const change = useCallback((changes: Changes) => {
    const now = parse(location.hash);
    history.replaceState(null, '', address(now.parts, changed(now.query, changes)));
    dispatchEvent(new HashChangeEvent('hashchange'));
  }, []);
  return [query, change];
}

/** Navigates to a view. */
export function go(to: readonly string[], query: Changes = {}): void {
  location.hash = address(to, changed(new URLSearchParams(), query));
}

/** Returns the URL of a view. */
export function hrefOf(to: readonly string[], query: Changes = {}): string {
  return address(to, changed(new URLSearchParams(), query));
}

/** A link to a view, as an anchor that can be copied or opened in a new tab. */
export function Link(props: {
  readonly to: readonly string[];
  readonly query?: Changes;
  readonly className?: string | undefined;
  readonly current?: boolean;
  /** Whether the link can be reached with `j` and `k`. */
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

/** Decodes a part of a path; returns it unchanged if it has an invalid escape. */
function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
