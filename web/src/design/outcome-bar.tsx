import { outcomes as order, type Outcome } from '../../../src/core/verdict.ts';
import styles from './outcome-bar.module.css';

/** A bar of rollouts by outcome, with the counts as its accessible name. */
export function OutcomeBar({ outcomes }: { readonly outcomes: Readonly<Partial<Record<Outcome, number>>> }) {
  const present = order.filter((outcome) => (outcomes[outcome] ?? 0) > 0);
  if (present.length === 0) return '–';
  const words = present.map((outcome) => `${outcomes[outcome]} ${outcome}`).join(', ');
  return (
    <span className={styles.bar} role="img" aria-label={words} title={words}>
      {present.map((outcome) => (
        <span key={outcome} className={styles[outcome]} style={{ flexGrow: outcomes[outcome] }} />
      ))}
    </span>
  );
}
