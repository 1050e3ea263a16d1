import { EngineError } from '../../../core/errors.ts';
import type { ChoiceSettings } from '../../requests/sampling-job.ts';

/** Chooses tokens from logits. Reuses its buffers, so each thread and vocabulary needs its own chooser. */
export interface TokenChooser {
  /**
   * Chooses the token at quantile `uniform` in [0, 1), from the `vocabSize` logits at `offset`. Throws an
   * `EngineError` if the logits are not finite.
   */
  choose(logits: Float32Array, offset: number, uniform: number): number;
  /**
   * Natural log-probability of the token chosen last: under the full softmax at the temperature, before top-k and
   * top-p; for greedy choices, at temperature 1.
   */
  readonly logprob: number;
  /** Entropy of the distribution behind `logprob`, in nats. */
  readonly entropy: number;
}

/**
 * Creates a chooser for these settings. Ties go to the smaller token id; sums are computed in float64, in order of ids.
 */
export function createTokenChooser(
  vocabSize: number,
  { temperature, topP, topK }: ChoiceSettings,
): TokenChooser {
  const isGreedy = temperature === 0;
  const isFiltered = !isGreedy && (topP < 1 || (topK > 0 && topK < vocabSize));
  const inverse = isGreedy ? 1 : 1 / temperature;
  const powers = new Float64Array(vocabSize);
  const drawFiltered = isFiltered ? createFilteredDraw(powers, { topP, topK }) : undefined;
  let [logprob, entropy] = [0, 0];

  const choose = (logits: Float32Array, offset: number, uniform: number): number => {
    let best = 0;
    for (let i = 1; i < vocabSize; i++) if (logits[offset + i]! > logits[offset + best]!) best = i;
    const largest = logits[offset + best]!;
    let total = 0;
    let weighted = 0;
    for (let i = 0; i < vocabSize; i++) {
      const scaled = (logits[offset + i]! - largest) * inverse;
      const power = Math.exp(scaled);
      powers[i] = power;
      total += power;
      // A logit of -∞ has probability 0 and adds nothing.
      if (power > 0) weighted += power * scaled;
    }
    // Also true for NaN: a NaN logit makes the total NaN.
    if (!(total < Infinity)) {
      throw new EngineError(
        'sample: expected finite logits, got NaN or infinity: the weights are broken. After training, a smaller learning rate usually helps',
        { code: 'NON_FINITE', tryNext: 'gradus train <recipe> --set optimizer.learningRate=1e-6' },
      );
    }
    let token = best;
    if (drawFiltered !== undefined) token = drawFiltered(uniform, total);
    else if (!isGreedy) token = draw(uniform * total);
    logprob = (logits[offset + token]! - largest) * inverse - Math.log(total);
    entropy = Math.log(total) - weighted / total;
    return token;
  };

  /** Returns the first token at which the running sum passes `target`. */
  const draw = (target: number): number => {
    let last = 0;
    let sum = 0;
    for (let i = 0; i < vocabSize; i++) {
      if (powers[i] === 0) continue;
      last = i;
      sum += powers[i]!;
      if (sum > target) break;
    }
    return last;
  };

  return {
    choose,
    get logprob() {
      return logprob;
    },
    get entropy() {
      return entropy;
    },
  };
}

/**
 * Returns a function that draws a token from the top-k and top-p of a distribution: takes tokens in descending order of
 * probability until either limit is reached, then draws among them.
 *
 * @param powers unnormalised probabilities, read at each draw; the second argument of the returned function
 * is their sum.
 */
function createFilteredDraw(
  powers: Float64Array,
  { topP, topK }: Pick<ChoiceSettings, 'topP' | 'topK'>,
): (uniform: number, total: number) => number {
  const vocabSize = powers.length;
  const heap = new Int32Array(vocabSize);

  const draw = (uniform: number, total: number): number => {
    for (let i = 0; i < vocabSize; i++) heap[i] = i;
    for (let i = (vocabSize >> 1) - 1; i >= 0; i--) sink(i, vocabSize);
    const most = topK > 0 ? Math.min(topK, vocabSize) : vocabSize;
    let mass = 0;
    let kept = 0;
    while (kept < most && (kept === 0 || mass < topP * total)) {
      const end = vocabSize - 1 - kept++;
      const top = heap[0]!;
      heap[0] = heap[end]!;
      heap[end] = top;
      mass += powers[top]!;
      sink(0, end);
    }
    const target = uniform * mass;
    let sum = 0;
    for (let rank = 1; rank <= kept; rank++) {
      const token = heap[vocabSize - rank]!;
      sum += powers[token]!;
      if (sum > target) return token;
    }
    return heap[vocabSize - kept]!;
  };

  /** Restores the heap order (most probable first, smaller id first among equals) below `root`. */
  const sink = (root: number, size: number): void => {
    const moving = heap[root]!;
    let at = root;
    for (let child = 2 * at + 1; child < size; child = 2 * at + 1) {
      if (child + 1 < size && isBefore(heap[child + 1]!, heap[child]!)) child++;
      if (!isBefore(heap[child]!, moving)) break;
      heap[at] = heap[child]!;
      at = child;
    }
    heap[at] = moving;
  };
  const isBefore = (a: number, b: number): boolean =>
    powers[a]! > powers[b]! || (powers[a] === powers[b] && a < b);

  return draw;
}
