import { glossary, termOf } from '../../../src/core/glossary.ts';
import styles from './parts.module.css';

/** The text of a label; glossary terms show their definition in a tooltip. */
export function Label({ text }: { readonly text: string }) {
  const term = termOf(text);
  if (term === undefined) return text;
  return (
    <abbr className={styles.term} title={glossary[term]}>
      {text}
    </abbr>
  );
}
