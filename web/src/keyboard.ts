import { useEffect, useRef } from 'react';

/** A key, or a sequence such as `g o` (`g`, then `o`), and its action. */
export interface Shortcut {
  readonly keys: string;
  readonly does: string;
  readonly run: () => void;
}

/** Maximum pause between the two keys of a sequence, in milliseconds. */
const sequenceMs = 1200;

/** Runs shortcuts unless the user is typing in a field. The browser handles keys with Ctrl, Alt or Meta. */
export function useShortcuts(shortcuts: readonly Shortcut[]): void {
  const latest = useRef(shortcuts);
  useEffect(() => {
    latest.current = shortcuts;
  });
  useEffect(() => {
    let before = '';
    let timer: number | undefined;
    const onKey = (event: KeyboardEvent): void => {
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      if (isTyping(event.target)) {
        if (event.key === 'Escape') (event.target as HTMLElement).blur();
        return;
      }
      const pair = before === '' ? event.key : `${before} ${event.key}`;
      const found = latest.current.find(({ keys }) => keys === pair);
      before =
        found === undefined && latest.current.some(({ keys }) => keys.startsWith(`${event.key} `))
          ? event.key
          : '';
      clearTimeout(timer);
      timer = window.setTimeout(() => (before = ''), sequenceMs);
      if (found === undefined) return;
      event.preventDefault();
      found.run();
    };
    addEventListener('keydown', onKey);
    return () => {
      removeEventListener('keydown', onKey);
      clearTimeout(timer);
    };
  }, []);
}

/** Focuses the next or previous row of the view, relative to the focused row. */
export function walkRows(by: 1 | -1): void {
  const rows = [...document.querySelectorAll<HTMLElement>('main [data-row]')];
  const at = rows.indexOf(document.activeElement as HTMLElement);
  const next = at < 0 ? (by > 0 ? 0 : rows.length - 1) : at + by;
  rows[next]?.focus();
  rows[next]?.scrollIntoView({ block: 'nearest' });
}

/** Focuses the first filter of the view. */
export function focusFilter(): void {
  document.querySelector<HTMLElement>('main [data-filter]')?.focus();
}

function isTyping(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && target.closest('input, textarea, select, dialog[open]') !== null;
}
