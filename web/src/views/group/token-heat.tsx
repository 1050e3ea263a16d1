import { useState } from 'react';
import { count, short } from '../../design/numbers.ts';
import styles from '../../design/parts.module.css';
import { visible } from '../../design/visible.ts';
import own from './group.module.css';

/**
 * Quantities that can colour the tokens: `surprise` is the negative log-probability; `advantage` is one value per
 * rollout.
 */
export const heats = ['off', 'surprise', 'entropy', 'advantage'] as const;

/** One of `heats`. */
export type Heat = (typeof heats)[number];

/** The tokens of a completion; index t of each list belongs to token t. */
export interface Tokens {
  readonly pieces: readonly string[];
  readonly logprobs: readonly number[];
  /** In nats; null: not recorded. */
  readonly entropies: readonly number[] | null;
  readonly advantage: number | null;
}

const maxShown = 1200;
const mostNamed = 5;

/** The text with coloured tokens, above a list of the least likely tokens or of those with the highest entropy. */
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
            title={labelOf(tokens, index)}
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
      {heat === 'entropy' ? <HighestEntropy tokens={tokens} /> : <LeastLikely tokens={tokens} />}
    </>
  );
}

function LeastLikely({ tokens: { pieces, logprobs } }: { readonly tokens: Tokens }) {
  const unlikely = greatest(logprobs.map((logprob) => -logprob)).filter((index) => logprobs[index]! < -0.5);
  if (unlikely.length === 0) return <p className={styles.small}>Every token had a probability above 60 %.</p>;
  const valueAt = (index: number): string => `${short(100 * Math.exp(logprobs[index]!))} %`;
  return <Ranking title="Least likely" indices={unlikely} pieces={pieces} valueAt={valueAt} />;
}

function HighestEntropy({ tokens: { pieces, entropies } }: { readonly tokens: Tokens }) {
  if (entropies === null) return <p className={styles.small}>Entropies were not recorded.</p>;
  const open = greatest(entropies).filter((index) => entropies[index]! > 0.1);
  if (open.length === 0) return <p className={styles.small}>No token had an entropy above 0.1 nats.</p>;
  const valueAt = (index: number): string => `${short(entropies[index]!)} nats`;
  return <Ranking title="Highest entropy" indices={open} pieces={pieces} valueAt={valueAt} />;
}

function Ranking(props: {
  readonly title: string;
  readonly indices: readonly number[];
  readonly pieces: readonly string[];
  readonly valueAt: (index: number) => string;
}) {
  return (
    <p className={styles.small}>
      {props.title}:{' '}
      {props.indices.map((index, rank) => (
        <span key={index}>
          {rank > 0 && ', '}“<code>{visible(props.pieces[index] ?? '').trim() || '␣'}</code>”{' '}
          {props.valueAt(index)} (token {index + 1})
        </span>
      ))}
    </p>
  );
}

/** Returns the indices of the largest values, in descending order. */
function greatest(values: readonly number[]): number[] {
  return [...values.keys()].toSorted((a, b) => values[b]! - values[a]!).slice(0, mostNamed);
}

/** Returns the background colour of a token. Full colour is a surprise of 5 nats, an entropy of 1.5 nats, or an advantage of 2; undefined: no colour. */
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

function labelOf({ pieces, logprobs, entropies }: Tokens, index: number): string {
  const [logprob, entropy] = [logprobs[index], entropies?.[index]];
  return [
    visible(pieces[index]!).replaceAll('\n', '⏎'),
    ...(logprob === undefined ? [] : [` ${short(100 * Math.exp(logprob))} %, logprob ${short(logprob)}`]),
    ...(entropy === undefined ? [] : [`, entropy ${short(entropy)}`]),
  ].join('');
}
