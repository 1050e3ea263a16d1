import { useCallback, useMemo, useSyncExternalStore, type ReactNode } from 'react';

/** Where the reader is. All of a view's state lives here, so that every state can be linked to. */
export interface Route {
  /** Decoded parts of the path: `['runs', 'demo-0001', 'rollouts']`. */
  readonly parts: readonly string[];
  readonly query: URLSearchParams;
}

/** The hash carries the address: it works the same when served and when a page is opened from a disk. */
export function useRoute(): Route {
  const hash = useSyncExternalStore(subscribe, () => location.hash);
  return useMemo(() => parse(hash), [hash]);
}

/** Reads and writes the filters of a view; an empty value removes its filter. */
export function useFilters(): [URLSearchParams, (changes: Readonly<Record<string, string>>) => void] {
  const { parts, query } = useRoute();
  const change = useCallback(
    (changes: Readonly<Record<string, string>>) => {
      const next = new URLSearchParams(query);
      for (const [name, value] of Object.entries(changes)) {
        if (value === '') next.delete(name);
        else next.set(name, value);
      }
      history.replaceState(null, '', address(parts, Object.fromEntries(next)));
      dispatchEvent(new HashChangeEvent('hashchange'));
    },
    [parts, query],
  );
  return [query, change];
}

/** The address of a view. */
function address(parts: readonly string[], query: Readonly<Record<string, string>> = {}): string {
  const path = parts.map(encodeURIComponent).join('/');
  const search = new URLSearchParams(query).toString();
  return `#/${path}${search === '' ? '' : `?${search}`}`;
}

/** A link to a view; a real anchor, so that it can be opened elsewhere and copied. */
export function Link(props: {
  readonly to: readonly string[];
  readonly query?: Readonly<Record<string, string>>;
  readonly className?: string | undefined;
  readonly current?: boolean;
  readonly children: ReactNode;
}) {
  return (
    <a
      href={address(props.to, props.query)}
      className={props.className}
      aria-current={props.current === true ? 'page' : undefined}
    >
      {props.children}
    </a>
  );
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
