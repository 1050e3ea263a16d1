import type { ReactNode } from 'react';
import styles from './parts.module.css';

/** A titled surface: one idea on a page. */
export function Card(props: {
  readonly title: string;
  readonly note?: ReactNode;
  readonly children: ReactNode;
}) {
  return (
    <section className={styles.card} aria-label={props.title}>
      <div className={styles.cardHead}>
        <h2>{props.title}</h2>
        {props.note === undefined ? null : <span className={styles.small}>{props.note}</span>}
      </div>
      {props.children}
    </section>
  );
}

/** A figure that matters, with its unit and how it changed. */
export function Tile(props: { readonly name: string; readonly value: string; readonly note?: string }) {
  return (
    <div className={styles.tile}>
      <div className={styles.small}>{props.name}</div>
      <div className={styles.value}>{props.value}</div>
      <div className={styles.small}>{props.note ?? '\u00a0'}</div>
    </div>
  );
}

const tones: Readonly<Record<string, string | undefined>> = {
  correct: styles.good,
  finished: styles.good,
  running: styles.live,
  incorrect: styles.bad,
  failed: styles.bad,
  timeout: styles.warn,
  unparsed: styles.warn,
  ungradable: styles.warn,
  interrupted: styles.warn,
};

/** A state or a verdict; the word carries the meaning, the colour only helps. */
export function Badge({ word }: { readonly word: string }) {
  return <span className={`${styles.badge} ${tones[word] ?? ''}`}>{word}</span>;
}

/** Says why there is nothing, and what would bring something. */
export function Empty({ children }: { readonly children: ReactNode }) {
  return <p className={styles.note}>{children}</p>;
}

export function Field(props: { readonly name: string; readonly children: ReactNode }) {
  return (
    // oxlint-disable-next-line jsx-a11y/label-has-associated-control -- the control is the child
    <label className={styles.field}>
      {props.name}
      {props.children}
    </label>
  );
}
