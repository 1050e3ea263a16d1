import { useMemo, useState, type ReactNode } from 'react';
import styles from './parts.module.css';
import { visible } from './visible.ts';

const maxShown = 4000;

/** Characters from `start` to before `end`. */
export type Span = readonly [start: number, end: number];

/**
 * Untrusted text from a model or a file, shown without markup, with control and bidirectional characters made visible,
 * and clipped until the user expands it. `marked` is highlighted.
 */
export function InertText({ text, marked }: { readonly text: string; readonly marked?: Span | undefined }) {
  const [isWhole, setWhole] = useState(false);
  const isLong = text.length > maxShown;
  const shown = useMemo(
    () => withMark(isLong && !isWhole ? text.slice(0, maxShown) : text, marked),
    [text, isLong, isWhole, marked],
  );
  return (
    <>
      <pre className={styles.text} dir="auto">
        {shown}
      </pre>
      {isLong && (
        <button type="button" onClick={() => setWhole(!isWhole)}>
          {isWhole ? 'Show less' : `Show all ${text.length.toLocaleString('en')} characters`}
        </button>
      )}
    </>
  );
}

/** One line of untrusted text. */
export function InertLine({ text, max = 160 }: { readonly text: string; readonly max?: number }) {
  const clipped = text.length > max ? `${text.slice(0, max)}…` : text;
  return <bdi>{visible(clipped).replaceAll(/[\n\t]/gu, ' ')}</bdi>;
}

function withMark(text: string, marked: Span | undefined): ReactNode {
  if (marked === undefined || marked[0] >= marked[1] || marked[1] > text.length) return visible(text);
  const [start, end] = marked;
  return (
    <>
      {visible(text.slice(0, start))}
      <mark className={styles.mark}>{visible(text.slice(start, end))}</mark>
      {visible(text.slice(end))}
    </>
  );
}
