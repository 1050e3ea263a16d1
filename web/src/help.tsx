import { useEffect, useRef } from 'react';
import { glossary } from '../../src/core/glossary.ts';
import styles from './help.module.css';
import type { Shortcut } from './keyboard.ts';

/** Shortcuts and the glossary, in a modal dialog. */
export function Help(props: {
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
    <dialog ref={dialog} className={styles.help} aria-label="Help" onClose={onClose}>
      <div className={styles.head}>
        <h2>Keyboard</h2>
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
      <h2>Glossary</h2>
      <dl>
        {Object.entries(glossary).map(([term, meaning]) => (
          <div key={term}>
            <dt>{term}</dt>
            <dd>{meaning}</dd>
          </div>
        ))}
      </dl>
    </dialog>
  );
}

const nativeKeys = [
  { keys: 'Enter', does: 'open the focused item' },
  { keys: '← →', does: 'on a chart: one step; with Shift, ten' },
  { keys: 'Home End', does: 'on a chart: first and last step' },
  { keys: 'Esc', does: 'close this help, leave a field' },
];
