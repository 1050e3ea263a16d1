import { useEffect, useRef } from 'react';
import styles from './keyboard.module.css';

/** What a key does. `g o` is `g`, then `o`. */
export interface Shortcut {
  readonly keys: string;
  readonly does: string;
  readonly run: () => void;
}

/** Most time between the two keys of a pair, in milliseconds. */
const patience = 1200;

/** Obeys shortcuts while nothing is being typed. Keys with Ctrl, Alt or Meta belong to the browser. */
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
      timer = window.setTimeout(() => (before = ''), patience);
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

/** Moves to the next or previous of the rows a view marks, from the one that has the focus. */
export function walkRows(by: 1 | -1): void {
  const rows = [...document.querySelectorAll<HTMLElement>('main [data-row]')];
  const at = rows.indexOf(document.activeElement as HTMLElement);
  const next = at < 0 ? (by > 0 ? 0 : rows.length - 1) : at + by;
  rows[next]?.focus();
  rows[next]?.scrollIntoView({ block: 'nearest' });
}

/** Goes to the first filter of the view. */
export function focusFilter(): void {
  document.querySelector<HTMLElement>('main [data-filter]')?.focus();
}

/** All keys, in a dialog that holds the focus until it is closed. */
export function KeyboardHelp(props: {
  readonly shortcuts: readonly Shortcut[];
  readonly isOpen: boolean;
  readonly onClose: () => void;
}) {
  const { shortcuts, isOpen, onClose } = props;
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    if (isOpen) dialog.current?.showModal();
    else dialog.current?.close();
  }, [isOpen]);
  return (
    <dialog ref={dialog} className={styles.help} aria-labelledby="keyboard-title" onClose={onClose}>
      <div className={styles.head}>
        <h2 id="keyboard-title">Keyboard</h2>
        <button type="button" onClick={onClose}>
          Close
        </button>
      </div>
      <dl>
        {[...shortcuts, ...nativeKeys].map(({ keys, does }) => (
          <div key={keys}>
            <dt>
              {keys.split(' ').map((key) => (
                <kbd key={key}>{key}</kbd>
              ))}
            </dt>
            <dd>{does}</dd>
          </div>
        ))}
      </dl>
    </dialog>
  );
}

const nativeKeys = [
  { keys: 'Enter', does: 'open what has the focus' },
  { keys: '← →', does: 'on a chart: step by step; with Shift ten' },
  { keys: 'Home End', does: 'on a chart: first and last step shown' },
  { keys: 'Esc', does: 'close this, leave a field' },
];

function isTyping(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && target.closest('input, textarea, select, dialog[open]') !== null;
}
