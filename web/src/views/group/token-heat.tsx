import { useState } from 'react';
import { count, short } from '../../design/numbers.ts';
import styles from '../../design/parts.module.css';
import { visible } from '../../design/visible.ts';
import own from './group.module.css';

/**
 * What colours the tokens. `surprise`: how unlikely each was; `entropy`: how open the choice was; `advantage`: what the
 * rollout was worth beside its group.
 */
export const heats = ['off', 'surprise', 'entropy', 'advantage'] as const;

/** See `heats`. */
export type Heat = (typeof heats)[number];

/** A completion token by token; index t of the lists speaks of token t. */
export interface Tokens {
  readonly pieces: readonly string[];
  readonly logprobs: readonly number[];
  /** Nats; null where they were not recorded. */
  readonly entropies: readonly number[] | null;
  readonly advantage: number | null;
}

const maxShown = 1200;
const mostNamed = 5;

/** The text with its tokens coloured; which were the least likely, or the most open, stands below in words. */
export function TokenHeat({ tokens, heat }: { readonly tokens: Tokens; readonly heat: Heat }) {
  const [isWhole, setWhole] = useState(false);
  const { pieces } = tokens;
  const isLong = pieces.length > maxShown;
  const shown = isLong && !isWhole ? pieces.slice(0, maxShown) : pieces;
  return (
    <>
      <pre className={styles.text} dir="auto">
        {shown.map((piece, index) => (
          <span
            key={index}
            className={own.token}
            style={{ backgroundColor: colourOf(heat, tokens, index) }}
            title={toldOf(tokens, index)}
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
      {heat === 'entropy' ? <MostOpen tokens={tokens} /> : <LeastLikely tokens={tokens} />}
    </>
  );
}

function LeastLikely({ tokens: { pieces, logprobs } }: { readonly tokens: Tokens }) {
  const unlikely = greatest(logprobs.map((logprob) => -logprob)).filter((index) => logprobs[index]! < -0.5);
  if (unlikely.length === 0) return <p className={styles.small}>Every token was likelier than 60 %.</p>;
  const told = (index: number): string => `${short(100 * Math.exp(logprobs[index]!))} %`;
  return <Ranking title="Least likely" places={unlikely} pieces={pieces} told={told} />;
}

function MostOpen({ tokens: { pieces, entropies } }: { readonly tokens: Tokens }) {
  if (entropies === null) return <p className={styles.small}>Entropies were not recorded.</p>;
  const open = greatest(entropies).filter((index) => entropies[index]! > 0.1);
  if (open.length === 0) return <p className={styles.small}>No choice had more than 0.1 nats of entropy.</p>;
  const told = (index: number): string => `${short(entropies[index]!)} nats`;
  return <Ranking title="Most open choices" places={open} pieces={pieces} told={told} />;
}

function Ranking(props: {
  readonly title: string;
  readonly places: readonly number[];
  readonly pieces: readonly string[];
  readonly told: (index: number) => string;
}) {
  return (
    <p className={styles.small}>
      {props.title}:{' '}
      {props.places.map((index, place) => (
        <span key={index}>
          {place > 0 && ', '}“<code>{visible(props.pieces[index] ?? '').trim() || '␣'}</code>”{' '}
          {props.told(index)} (token {index + 1})
        </span>
      ))}
    </p>
  );
}

/** Places of the greatest values, greatest first. */
function greatest(values: readonly number[]): number[] {
  return [...values.keys()].toSorted((a, b) => values[b]! - values[a]!).slice(0, mostNamed);
}

/** Surprise in five nats is full colour; an entropy of one and a half and an advantage of two spreads likewise. */
function colourOf(heat: Heat, { logprobs, entropies, advantage }: Tokens, index: number): string | undefined {
  const [logprob, entropy] = [logprobs[index], entropies?.[index]];
  if (heat === 'surprise' && logprob !== undefined) return tint('--warn', -logprob / 5);
  if (heat === 'entropy' && entropy !== undefined) return tint('--accent', entropy / 1.5);
  if (heat === 'advantage' && advantage !== null)
    return tint(advantage < 0 ? '--bad' : '--good', Math.abs(advantage) / 2);
  return undefined;
}

const tint = (colour: string, share: number): string =>
  `color-mix(in oklab, var(${colour}) ${Math.round(45 * Math.min(1, share))}%, transparent)`;

function toldOf({ pieces, logprobs, entropies }: Tokens, index: number): string {
  const [logprob, entropy] = [logprobs[index], entropies?.[index]];
  return [
    visible(pieces[index]!).replaceAll('\n', '⏎'),
    ...(logprob === undefined ? [] : [` ${short(100 * Math.exp(logprob))} %, logprob ${short(logprob)}`]),
    ...(entropy === undefined ? [] : [`, entropy ${short(entropy)}`]),
  ].join('');
}
