import { useEffect, useMemo, useRef } from 'react';
import type { Attempt } from '../../../../src/services/dashboard/views/rollouts/group-detail.ts';
import { InertLine, InertText } from '../../design/inert-text.tsx';
import { short, signed } from '../../design/numbers.ts';
import { Badge } from '../../design/parts.tsx';
import styles from '../../design/parts.module.css';
import { Link, useFilters, useRoute } from '../../router.tsx';
import { spanOf } from './evidence.ts';
import own from './group.module.css';
import { Turns } from './turns.tsx';
import { type Heat, TokenHeat } from './token-heat.tsx';
import { VerdictDiff } from './verdict-diff.tsx';

/** One rollout: its text, its verdict with evidence, its reward and its advantage. */
export function AttemptCard({ attempt, heat }: { readonly attempt: Attempt; readonly heat: Heat }) {
  const { parts } = useRoute();
  const [query] = useFilters();
  const element = useRef<HTMLElement>(null);
  const isChosen = query.get('rollout') === String(attempt.index);
  const { evidence, text, pieces, logprobs, entropies, advantage, turns } = attempt;
  const span = useMemo(() => spanOf(evidence, text.length), [evidence, text]);
  useEffect(() => {
    if (isChosen) element.current?.scrollIntoView({ block: 'nearest' });
  }, [isChosen]);
  const kept = Object.fromEntries([...query].filter(([name]) => name !== 'rollout'));
  return (
    <section
      ref={element}
      className={`${styles.card} ${isChosen ? own.chosen : ''}`}
      aria-label={`Rollout ${attempt.index + 1}`}
    >
      <div className={styles.cardHead}>
        <h2>
          <Link
            to={parts}
            query={{ ...kept, ...(isChosen ? {} : { rollout: attempt.index }) }}
            className={own.title}
            isRow
          >
            Rollout {attempt.index + 1}
          </Link>
        </h2>
        <span className={styles.row}>
          <span className={styles.small}>{worthOf(attempt)}</span>
          <Badge word={attempt.outcome} />
        </span>
      </div>
      {attempt.flags.map((flag) => (
        <p key={flag} className={styles.noteWarn}>
          Flagged: {flag}
        </p>
      ))}
      {heat !== 'off' && pieces !== null ? (
        <TokenHeat tokens={{ pieces, logprobs, entropies, advantage }} heat={heat} />
      ) : turns === null ? (
        <InertText text={text} marked={span} />
      ) : (
        <Turns turns={turns} />
      )}
      <p className={own.why}>
        <InertLine text={attempt.reason} max={400} />
      </p>
      <VerdictDiff evidence={evidence} isOpen={isChosen} />
      <p className={styles.small}>
        {attempt.tokens.length} tokens · finish reason {attempt.finishReason}
        {attempt.limit === null ? '' : ` (limit of ${attempt.limit})`}
        {attempt.policyVersion === null ? '' : ` · policy version ${attempt.policyVersion}`}
        {ageOf(attempt)} · <InertLine text={attempt.verifier} />
      </p>
    </section>
  );
}

function ageOf({ offPolicySteps: steps }: Attempt): string {
  return steps === null || steps === 0 ? '' : ` (${steps} ${steps === 1 ? 'step' : 'steps'} old)`;
}

function worthOf({ reward, advantage, score }: Attempt): string {
  const parts = [
    reward === null ? 'no reward' : `reward ${short(reward)}`,
    advantage === null ? 'not trained on' : `advantage ${signed(advantage, short)}`,
    ...(score > 0 && score < 1 ? [`score ${short(score)}`] : []),
  ];
  return parts.join(' · ');
}
