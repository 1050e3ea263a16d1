import type { ReactNode } from 'react';
import { Label } from './label.tsx';
import styles from './parts.module.css';

/** A section with a title. */
export function Card(props: {
  readonly title: string;
  readonly note?: ReactNode;
  readonly children: ReactNode;
}) {
  return (
    <section className={styles.card} aria-label={props.title}>
      <div className={styles.cardHead}>
        <h2>
          <Label text={props.title} />
        </h2>
        {props.note === undefined ? null : <span className={styles.small}>{props.note}</span>}
      </div>
      {props.children}
    </section>
  );
}

/** A key figure with a note on its change. */
export function Tile(props: {
  readonly name: string;
  readonly value: string;
  readonly note?: string;
  readonly children?: ReactNode;
}) {
  return (
    <div className={styles.tile}>
      <div className={styles.small}>
        <Label text={props.name} />
      </div>
      <div className={styles.value}>{props.value}</div>
      <div className={styles.small}>{props.note ?? '\u00a0'}</div>
      {props.children}
    </div>
  );
}

const tones: Readonly<Record<string, string | undefined>> = {
  correct: styles.good,
  finished: styles.good,
  passed: styles.good,
  running: styles.live,
  incorrect: styles.bad,
  failed: styles.bad,
  wrong: styles.bad,
  error: styles.bad,
  timeout: styles.warn,
  unparsed: styles.warn,
  ungradable: styles.warn,
  interrupted: styles.warn,
  damaged: styles.warn,
  warning: styles.warn,
};

/** A coloured state or outcome. The word alone conveys the meaning. */
export function Badge({ word, children }: { readonly word: string; readonly children?: ReactNode }) {
  return <span className={`${styles.badge} ${tones[word] ?? ''}`}>{children ?? word}</span>;
}

/** An empty state, with the reason and what to do. */
export function Empty({ children }: { readonly children: ReactNode }) {
  return <p className={styles.note}>{children}</p>;
}

/** A page that is loading, or the error that stopped it. */
export function Waiting({ error, what }: { readonly error: Error | null; readonly what: string }) {
  return (
    <div className={styles.stack}>
      <h1 tabIndex={-1}>{error === null ? `Loading ${what}…` : `Could not load ${what}`}</h1>
      {error !== null && <Empty>{error.message}</Empty>}
    </div>
  );
}

/** A control with its label above it. */
export function Field(props: { readonly name: string; readonly children: ReactNode }) {
  return (
    // oxlint-disable-next-line jsx-a11y/label-has-associated-control -- the control is the child
    <label className={styles.field}>
      {props.name}
      {props.children}
    </label>
  );
}

/** A table that scrolls horizontally if it is wider than the page. */
export function Table(props: {
  readonly name: string;
  readonly columns: readonly string[];
  readonly children: ReactNode;
}) {
  return (
    // oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- a scroll container must be focusable
    <div className={styles.scroll} role="group" aria-label={props.name} tabIndex={0}>
      <table>
        <thead>
          <tr>
            {props.columns.map((name, index) => (
              <th key={index} scope="col">
                <Label text={name} />
              </th>
            ))}
          </tr>
        </thead>
        <tbody>{props.children}</tbody>
      </table>
    </div>
  );
}
