import { createRng } from '../../src/core/rng.ts';
import { boxed, judgeUnder } from './judge.ts';
import { isSameValue, neighbour, randomValue } from './values.ts';

/** A pair of texts whose verdict contradicts their values. */
export interface Misjudged {
  readonly gold: string;
  readonly answer: string;
  readonly reason: string;
}

/** Number of judged pairs, and the misjudged pairs. */
export interface PropertyReport {
  readonly pairs: number;
  readonly misjudged: readonly Misjudged[];
}

/** Judges pairs of different values in random formats, half of them close to each other: none may be judged correct. */
export async function judgeDifferent(pairs: number, seed: number): Promise<PropertyReport> {
  const rng = createRng(seed, 'math', 'different-values');
  const judge = judgeUnder();
  const misjudged: Misjudged[] = [];
  for (let done = 0; done < pairs;) {
    const gold = randomValue(rng);
    const other = rng.next() < 0.5 ? neighbour(rng, gold) : randomValue(rng);
    if (isSameValue(gold, other) !== false) continue;
    done++;
    const [right, wrong] = [gold.write(rng), other.write(rng)];
    const { outcome, reason } = await judge(right, boxed(wrong));
    if (outcome === 'correct') misjudged.push({ gold: right, answer: wrong, reason });
  }
  return { pairs, misjudged };
}

/** Judges pairs of one value in two random formats: nearly all must be judged correct. */
export async function judgeSame(pairs: number, seed: number): Promise<PropertyReport> {
  const rng = createRng(seed, 'math', 'same-value');
  const judge = judgeUnder();
  const misjudged: Misjudged[] = [];
  for (let done = 0; done < pairs; done++) {
    const value = randomValue(rng);
    const [gold, answer] = [value.write(rng), value.write(rng)];
    const { outcome, reason } = await judge(gold, boxed(answer));
    if (outcome !== 'correct') misjudged.push({ gold, answer, reason });
  }
  return { pairs, misjudged };
}
