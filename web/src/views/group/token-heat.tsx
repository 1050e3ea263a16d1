import { useState } from 'react';
import { count, short } from '../../design/numbers.ts';
import styles from '../../design/parts.module.css';
import { visible } from '../../design/visible.ts';
import own from './group.module.css';

/** What colours the tokens. `surprise`: how unlikely each was; `advantage`: what the rollout was worth beside its group. */
export const heats = ['off', 'surprise', 'advantage'] as const;

/** See `heats`. */
export type Heat = (typeof heats)[number];

/** A completion token by token; index t of both lists speaks of token t. */
export interface Tokens {
  readonly pieces: readonly string[];
  readonly logprobs: readonly number[];
  readonly advantage: number | null;
}

const maxShown = 1200;
const mostUnlikely = 5;

/** The text with its tokens coloured; which were the least likely stands below in words. */
export function TokenHeat({ tokens, heat }: { readonly tokens: Tokens; readonly heat: Heat }) {
  const [isWhole, setWhole] = useState(false);
  const { pieces, logprobs, advantage } = tokens;
  const isLong = pieces.length > maxShown;
  const shown = isLong && !isWhole ? pieces.slice(0, maxShown) : pieces;
  return (
    <>
      <pre className={styles.text} dir="auto">
        {shown.map((piece, index) => (
          <span
            key={index}
            className={own.token}
            style={{ backgroundColor: colourOf(heat, logprobs[index], advantage) }}
            title={toldOf(piece, logprobs[index])}
          >
            {visible(piece)}
          </span>
        ))}
      </pre>
      {isLong && (
        <button type="button" onClick={() => setWhole(!isWhole)}>
          {isWhole ? 'Show less' : `Show all ${count(pieces.length)} tokens`}
        </button>
      )}
      <LeastLikely tokens={tokens} />
    </>
  );
}

function LeastLikely({ tokens: { pieces, logprobs } }: { readonly tokens: Tokens }) {
  const unlikely = [...logprobs.keys()]
    .filter((index) => logprobs[index]! < -0.5)
    .toSorted((a, b) => logprobs[a]! - logprobs[b]!)
    .slice(0, mostUnlikely);
  if (unlikely.length === 0) return <p className={styles.small}>Every token was likelier than 60 %.</p>;
  return (
    <p className={styles.small}>
      Least likely:{' '}
      {unlikely.map((index, place) => (
        <span key={index}>
          {place > 0 && ', '}
          <code>{visible(pieces[index] ?? '').trim() || '␣'}</code> {short(100 * Math.exp(logprobs[index]!))}{' '}
          % (token {index + 1})
        </span>
      ))}
    </p>
  );
}

/** Surprise in five nats is full colour; an advantage of two spreads likewise. */
function colourOf(heat: Heat, logprob: number | undefined, advantage: number | null): string | undefined {
  if (heat === 'surprise' && logprob !== undefined) return tint('--warn', -logprob / 5);
  if (heat === 'advantage' && advantage !== null)
    return tint(advantage < 0 ? '--bad' : '--good', Math.abs(advantage) / 2);
  return undefined;
}

const tint = (colour: string, share: number): string =>
  `color-mix(in oklab, var(${colour}) ${Math.round(45 * Math.min(1, share))}%, transparent)`;

function toldOf(piece: string, logprob: number | undefined): string {
  const shown = visible(piece).replaceAll('\n', '⏎');
  return logprob === undefined
    ? shown
    : `${shown}  ${short(100 * Math.exp(logprob))} %, logprob ${short(logprob)}`;
}
