import type { TrainingSequence } from '../../src/core/batch.ts';
import type { Rng } from '../../src/core/rng.ts';
import type { Renderer } from '../../src/engines/engine.ts';
import { names, numbers } from './world.ts';

/** Shares of the ways to attempt a question; they add up to 1. */
export interface Habits {
  /** Answers at once, with a random number. */
  readonly guess: number;
  /** Searches, and answers from the passages. */
  readonly read: number;
  /** Searches, and answers with a random number. */
  readonly ignore: number;
}

/** A piece of an attempt; the model learns only the pieces that it must write itself. */
interface Piece {
  readonly text: string;
  readonly isWritten: boolean;
}

const written = (text: string): Piece => ({ text, isWritten: true });
const given = (text: string): Piece => ({ text, isWritten: false });

/**
 * Returns a batch of attempts as sequences to imitate, each about people that occur nowhere else, so that the model
 * cannot memorise facts. Passages have weight 0; the weights of a batch add up to 1.
 */
export function drawLessons(count: number, habits: Habits, renderer: Renderer, rng: Rng): TrainingSequence[] {
  const drawn = Array.from({ length: count }, () => toSequence(drawAttempt(habits, rng), renderer));
  const total = drawn.reduce((sum, { weights }) => sum + weights.reduce((a, b) => a + b, 0), 0);
  return drawn.map((sequence) => ({
    ...sequence,
    weights: sequence.weights.map((weight) => weight / total),
  }));
}

function drawAttempt({ guess, read }: Habits, rng: Rng): readonly [question: string, ...Piece[]] {
  const [name, boss, number] = [rng.pick(names), rng.pick(names), rng.pick(numbers)];
  const hops = rng.integer(1, 2);
  const question = hops === 1 ? ` ${name} num` : ` ${name} boss num`;
  const mood = rng.next();
  const answer = mood >= guess && mood < guess + read ? number : rng.pick(numbers);
  const end = written(`<answer> ${answer}</answer>`);
  if (mood < guess) return [question, end];
  const last = searchFor(hops === 1 ? name : boss, 'num', number, rng);
  if (hops === 1) return [question, ...last, end];
  return [question, ...searchFor(name, 'boss', boss, rng), ...last, end];
}

/** Returns a search for a fact, and two passages: the fact and the person's other fact, in the order in which BM25
 * ranks them. */
function searchFor(name: string, fact: 'num' | 'boss', value: string, rng: Rng): Piece[] {
  const other = fact === 'num' ? `boss ${rng.pick(names)}` : `num ${rng.pick(numbers)}`;
  return [
    written(`<search> ${name} ${fact}</search>`),
    given(`<information> ${name} ${fact} ${value}\n ${name} ${other}\n</information>`),
  ];
}

function toSequence(
  [question, ...pieces]: readonly [string, ...Piece[]],
  renderer: Renderer,
): TrainingSequence {
  const tokens: number[] = [...renderer.render([{ role: 'user', content: question }])];
  const weights: number[] = tokens.map(() => 0);
  for (const { text, isWritten } of pieces) {
    const encoded = renderer.encode(text);
    tokens.push(...encoded);
    weights.push(...Array.from(encoded, () => Number(isWritten)));
  }
  tokens.push(renderer.endTokens[0]!);
  weights.push(1);
  const zeros = new Float32Array(tokens.length);
  return {
    tokens: Int32Array.from(tokens),
    weights: Float32Array.from(weights),
    advantages: zeros,
    rolloutLogprobs: zeros,
  };
}
