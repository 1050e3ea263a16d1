import { useMemo, useState } from 'react';
import styles from './parts.module.css';

/** Controls, format characters that reorder or hide text, and lone surrogates. */
const hidden = /[\p{Cc}\p{Cs}\u061C\u2028\u2029\u200B-\u200F\u202A-\u202E\u2060-\u2069\uFEFF]/gu;
const maxShown = 4000;

/** Makes what cannot be seen visible: controls as pictures, marks of direction and lone surrogates by number. */
function visible(text: string): string {
  return text.replaceAll(hidden, (character) => {
    const code = character.codePointAt(0)!;
    if (character === '\n' || character === '\t') return character;
    if (code < 0x20) return String.fromCodePoint(0x2400 + code);
    return code === 0x7f ? '␡' : `⟨U+${code.toString(16).toUpperCase().padStart(4, '0')}⟩`;
  });
}

/** Text nobody vouches for: a model's, a file's. Never obeyed, never reordered, clipped until asked for. */
export function InertText({ text }: { readonly text: string }) {
  const [isWhole, setWhole] = useState(false);
  const isLong = text.length > maxShown;
  const shown = useMemo(
    () => visible(isLong && !isWhole ? text.slice(0, maxShown) : text),
    [text, isLong, isWhole],
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
