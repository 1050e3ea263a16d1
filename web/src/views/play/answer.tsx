import type { PlayedCompletion } from '../../../../src/services/dashboard/play.ts';
import { InertLine } from '../../design/inert-text.tsx';
import { Badge, Card } from '../../design/parts.tsx';
import styles from '../../design/parts.module.css';
import { TokenHeat } from '../group/token-heat.tsx';
import { VerdictDiff } from '../group/verdict-diff.tsx';

/** One completion, with tokens coloured by surprise, and its verdict. */
export function Answer({ answer }: { readonly answer: PlayedCompletion }) {
  const { index, pieces, logprobs, entropies, verdict, finishReason, tokens, failure } = answer;
  return (
    <Card
      title={`Answer ${index + 1}`}
      note={verdict === null ? 'not judged' : <Badge word={verdict.outcome} />}
    >
      <TokenHeat tokens={{ pieces, logprobs, entropies, advantage: null }} heat="surprise" />
      {verdict !== null && (
        <>
          <p>
            <InertLine text={verdict.reason} max={400} />
          </p>
          <VerdictDiff evidence={verdict.evidence ?? {}} />
        </>
      )}
      {failure !== null && (
        <p role="status">
          <InertLine text={`Ended early: ${failure}`} max={400} />
        </p>
      )}
      <p className={styles.small}>
        {tokens.length} tokens · finish reason {finishReason}
      </p>
    </Card>
  );
}
