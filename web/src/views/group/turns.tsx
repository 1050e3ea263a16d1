import type { AuthoredMessage, ToolCall } from '../../../../src/core/transcript.ts';
import { InertLine, InertText } from '../../design/inert-text.tsx';
import { Badge } from '../../design/parts.tsx';
import styles from '../../design/parts.module.css';
import own from './group.module.css';

/** The turns of an attempt, each foldable; text from an environment has a different tint. */
export function Turns({ turns }: { readonly turns: readonly AuthoredMessage[] }) {
  return (
    <div className={own.turns}>
      {turns.map(({ author, role, content, calls = [] }, index) => (
        <details key={index} open className={author === 'policy' ? own.turn : own.given}>
          <summary className={styles.small}>{titleOf(author, role)}</summary>
          <InertText text={content} />
          {calls.map((call, number) => (
            <Call key={number} call={call} />
          ))}
        </details>
      ))}
    </div>
  );
}

const titleOf = (author: AuthoredMessage['author'], role: string): string => {
  if (author === 'policy') return 'written by the policy';
  if (author === 'start') return 'given start of the answer';
  return role === 'assistant' ? 'inserted by the environment' : `${role} message from the environment`;
};

/** A tool call, with its tool, outcome, arguments and the sources of its result; the next turn shows the
 * result. */
function Call({ call }: { readonly call: ToolCall }) {
  const { tool, outcome, sources = [] } = call;
  const text = typeof call.arguments === 'string' ? call.arguments : JSON.stringify(call.arguments);
  return (
    <p className={styles.small}>
      Call of <InertLine text={tool === '' ? 'an unnamed tool' : tool} /> <Badge word={outcome} />{' '}
      <code>
        <InertLine text={text ?? ''} max={400} />
      </code>
      {' → '}
      <InertLine text={call.result} max={400} />
      {sources.length > 0 && (
        <>
          {' '}
          · sources: <InertLine text={sources.join('; ')} max={400} />
        </>
      )}
    </p>
  );
}
