import { InertLine } from './inert-text.tsx';
import styles from './parts.module.css';

/** The tags of a run. */
export function Tags({ tags }: { readonly tags: readonly string[] }) {
  return tags.map((tag) => (
    <span key={tag} className={styles.tag}>
      <InertLine text={tag} max={40} />
    </span>
  ));
}
