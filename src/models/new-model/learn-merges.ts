/** A vocabulary learned by byte-pair encoding. */
export interface LearnedVocabulary {
  /** All tokens by id: the given symbols, then one token per merge. */
  readonly tokens: readonly string[];
  /** Pairs of tokens to merge, the most frequent first. */
  readonly merges: readonly (readonly [string, string])[];
  /** Number of tokens in the training text. */
  readonly textTokens: number;
}

/** A word as token ids, and its number of occurrences. */
interface Word {
  ids: number[];
  readonly count: number;
}

/** A pair of token ids, and its count when it was queued. */
interface Candidate {
  readonly left: number;
  readonly right: number;
  readonly count: number;
}

/** Minimum number of occurrences for a pair to become a token; merging a pair that occurs once would save nothing. */
const minCount = 2;

/**
 * Learns a vocabulary by byte-pair encoding (Sennrich et al. 2016): merges the most frequent pair of adjacent
 * tokens until the vocabulary has `size` tokens or no pair occurs twice. Among equally frequent pairs, the
 * pair with the smaller ids comes first, as in Hugging Face's tokenizers, so the result depends on the counts
 * alone.
 *
 * @param words occurrences of each word, written in symbols.
 * @param symbols the first tokens; must include every character of the words.
 */
export function learnMerges(
  words: ReadonlyMap<string, number>,
  symbols: readonly string[],
  size: number,
): LearnedVocabulary {
  const tokens = [...symbols];
  const idOf = new Map(tokens.map((token, id) => [token, id]));
  const text = [...words].map(([word, count]): Word => ({
    ids: Array.from(word, (one) => idOf.get(one)!),
    count,
  }));
  const pairs = new PairCounts();
  for (const [index, word] of text.entries()) pairs.add(word, index, 1);
  const merges: [string, string][] = [];
  while (tokens.length < size) {
    const best = pairs.takeMostFrequent();
    if (best === undefined || best.count < minCount) break;
    const [left, right] = [tokens[best.left]!, tokens[best.right]!];
    merges.push([left, right]);
    // Another pair may already have produced the same token.
    const merged = idOf.get(left + right) ?? tokens.push(left + right) - 1;
    idOf.set(left + right, merged);
    for (const index of pairs.wordsWith(best)) {
      const word = text[index]!;
      pairs.add(word, index, -1);
      word.ids = joinPair(word.ids, best, merged);
      pairs.add(word, index, 1);
    }
    pairs.queueChanged();
  }
  return { tokens, merges, textTokens: text.reduce((sum, { ids, count }) => sum + ids.length * count, 0) };
}

function joinPair(ids: readonly number[], { left, right }: Candidate, merged: number): number[] {
  const joined: number[] = [];
  for (let i = 0; i < ids.length; i++) {
    const isPair = ids[i] === left && ids[i + 1] === right;
    joined.push(isPair ? merged : ids[i]!);
    if (isPair) i++;
  }
  return joined;
}

/** Ids stay below 2²⁴, so a pair fits exactly in one number. */
const idRange = 2 ** 24;

/** Counts of adjacent pairs, the words that contain them, and a queue of the most frequent. */
class PairCounts {
  readonly #counts = new Map<number, number>();
  readonly #words = new Map<number, Set<number>>();
  readonly #changed = new Set<number>();
  readonly #queue: Candidate[] = [];

  /** Adds the pairs of a word (`sign` 1), or removes them (−1). */
  add({ ids, count }: Word, index: number, sign: 1 | -1): void {
    for (let i = 0; i + 1 < ids.length; i++) {
      const pair = ids[i]! * idRange + ids[i + 1]!;
      this.#counts.set(pair, (this.#counts.get(pair) ?? 0) + sign * count);
      if (sign < 0) continue;
      this.#changed.add(pair);
      const words = this.#words.get(pair);
      if (words === undefined) this.#words.set(pair, new Set([index]));
      else words.add(index);
    }
  }

  /** Queues the pairs whose count may have grown. */
  queueChanged(): void {
    for (const pair of this.#changed) this.#push(this.#candidate(pair));
    this.#changed.clear();
  }

  /** Removes and returns the most frequent pair; `undefined` if no pair is left. */
  takeMostFrequent(): Candidate | undefined {
    if (this.#changed.size > 0) this.queueChanged();
    for (let top = this.#pop(); top !== undefined; top = this.#pop()) {
      const now = this.#candidate(top.left * idRange + top.right);
      if (now.count === top.count) return top;
      // The entry is stale: queue the pair with its current count. A pair whose count grew is queued elsewhere.
      if (now.count > 0 && now.count < top.count) this.#push(now);
    }
    return undefined;
  }

  /** Returns the indices of the words that contain a pair, or contained it before other merges. */
  wordsWith({ left, right }: Candidate): readonly number[] {
    const pair = left * idRange + right;
    const words = [...(this.#words.get(pair) ?? [])];
    this.#words.delete(pair);
    return words;
  }

  #candidate(pair: number): Candidate {
    return { left: Math.floor(pair / idRange), right: pair % idRange, count: this.#counts.get(pair) ?? 0 };
  }

  /** Adds to the binary heap. */
  #push(one: Candidate): void {
    const queue = this.#queue;
    let place = queue.push(one) - 1;
    while (place > 0) {
      const parent = (place - 1) >> 1;
      if (!isBefore(one, queue[parent]!)) break;
      queue[place] = queue[parent]!;
      place = parent;
    }
    queue[place] = one;
  }

  /** Removes and returns the first entry of the binary heap. */
  #pop(): Candidate | undefined {
    const queue = this.#queue;
    const first = queue[0];
    const last = queue.pop();
    if (last === undefined || queue.length === 0) return first;
    let place = 0;
    for (let child = 1; child < queue.length; child = 2 * place + 1) {
      if (child + 1 < queue.length && isBefore(queue[child + 1]!, queue[child]!)) child++;
      if (!isBefore(queue[child]!, last)) break;
      queue[place] = queue[child]!;
      place = child;
    }
    queue[place] = last;
    return first;
  }
}

function isBefore(a: Candidate, b: Candidate): boolean {
  if (a.count !== b.count) return a.count > b.count;
  return a.left === b.left ? a.right < b.right : a.left < b.left;
}
