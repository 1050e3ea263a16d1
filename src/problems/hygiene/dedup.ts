import type { Problem } from '../../core/problem.ts';
import { hashKey } from '../../core/rng.ts';
import { goldsAgree, comparedQuestionOf, type SameAnswer } from './golds.ts';
import { KeyIndex } from './key-index.ts';
import { bandKeys } from './min-hash.ts';
import { contentOf, numbersOf, tokensOf } from './normal-form.ts';
import { NumberLists } from './number-lists.ts';
import type { FindingLog } from './report.ts';
import { hashesOf, resemblance, shinglesOf } from './shingles.ts';

/** Thresholds for duplicates. */
export interface DedupOptions {
  /**
   * Minimum Jaccard similarity between the three-word runs of near duplicates, 0 … 1; `null`: find only exact
   * duplicates. Default 0.8.
   */
  readonly near?: number | null;
  /** Compares golds that are spelled differently; default: a different spelling is a different answer. */
  readonly sameAnswer?: SameAnswer;
}

/**
 * Minimum number of runs in a text to compare: in short texts such as "2+3*4" and "2*3+4", nearly all runs are equal.
 */
const minShingles = 8;
const shingleSize = 3;
/** Maximum number of runs kept per text. The runs with the smallest hashes are a uniform sample of a longer text. */
const maxShingles = 100_000;
/**
 * Maximum number of candidates compared in one band; more candidates share a band only if they come from one template.
 */
const maxCandidates = 32;

/**
 * Streams problems without duplicates: of each set of duplicates, keeps the first problem.
 *
 * Exact duplicates have the same text apart from spelling, spacing and mark-up. If their golds conflict, none can be
 * trusted and all are removed. Near duplicates have the same numbers, similar words (MinHash-LSH, then exact
 * similarity) and the same gold. If their golds differ, both are kept and noted for review: most of these pairs are two
 * problems from one template.
 *
 * Memory: about 0.6 kB per problem; texts are not kept.
 *
 * @param read called twice, once to find duplicates and once to stream; must return the same problems both times.
 */
export async function* dedup(
  read: () => AsyncIterable<Problem>,
  log: FindingLog,
  options: DedupOptions = {},
): AsyncGenerator<Problem> {
  const finder = new DuplicateFinder(log, options);
  for await (const problem of read()) await finder.add(problem);
  let index = 0;
  for await (const problem of read()) if (!finder.isRemoved(index++)) yield problem;
}

class DuplicateFinder {
  readonly #log: FindingLog;
  readonly #near: number | null;
  readonly #sameAnswer: SameAnswer;
  /**
   * Maps the 53-bit hash of a normal form to its problem. In data sets of a million problems, one in 20,000 has a
   * collision.
   */
  readonly #exact = new Map<number, number>();
  readonly #bands = new KeyIndex();
  readonly #shingles = new NumberLists();
  /** The problem to which each list in `#shingles` belongs. */
  readonly #problemOf: number[] = [];
  readonly #ids: string[] = [];
  readonly #golds: (string | undefined)[] = [];
  readonly #removed = new Set<number>();

  constructor(log: FindingLog, { near = 0.8, sameAnswer = () => false }: DedupOptions) {
    this.#log = log;
    this.#near = near;
    this.#sameAnswer = sameAnswer;
  }

  isRemoved(index: number): boolean {
    return this.#removed.has(index);
  }

  async add(problem: Problem): Promise<void> {
    this.#log.see();
    const index = this.#ids.length;
    this.#ids.push(problem.id);
    this.#golds.push(problem.answer);
    const tokens = tokensOf(comparedQuestionOf(problem));
    const key = wideHash(tokens.join(' '));
    const earlier = this.#exact.get(key);
    if (earlier === undefined) {
      this.#exact.set(key, index);
      if (this.#near !== null) await this.#addNear(index, tokens, this.#near);
    } else await this.#addExact(index, earlier);
  }

  async #addExact(index: number, earlier: number): Promise<void> {
    const [gold, other] = [this.#golds[index], this.#golds[earlier]];
    const [id, of] = [this.#ids[index]!, this.#ids[earlier]!];
    if ((await goldsAgree(gold, other, this.#sameAnswer)) === false) {
      const golds = [other, gold];
      const explanation = `same text as ${of}, but another gold: ${JSON.stringify(gold)}, not ${JSON.stringify(other)}`;
      this.#remove(index, 'conflicting golds', explanation, { of, golds });
      if (!this.#removed.has(earlier))
        this.#remove(earlier, 'conflicting golds', `${id} has the same text but another gold`, {
          of: id,
          golds,
        });
    } else this.#remove(index, 'exact duplicate', `same text as ${of}`, { of });
  }

  async #addNear(index: number, tokens: readonly string[], least: number): Promise<void> {
    const shingles = shinglesOf(hashesOf(contentOf(tokens)), shingleSize).subarray(0, maxShingles);
    if (shingles.length < minShingles) return;
    const keys = bandKeys(shingles, hashKey(...numbersOf(tokens)));
    for (const candidate of this.#candidates(keys)) {
      const share = resemblance(shingles, this.#shingles.get(candidate));
      if (share >= least && (await this.#isNear(index, this.#problemOf[candidate]!, share))) return;
    }
    for (const key of keys) this.#bands.add(key, this.#shingles.count);
    this.#shingles.push(shingles);
    this.#problemOf.push(index);
  }

  #candidates(keys: Uint32Array): Set<number> {
    const found = new Set<number>();
    for (const key of keys) for (const item of this.#bands.get(key, maxCandidates)) found.add(item);
    return found;
  }

  async #isNear(index: number, earlier: number, share: number): Promise<boolean> {
    const [gold, other] = [this.#golds[index], this.#golds[earlier]];
    const of = this.#ids[earlier]!;
    const evidence = { of, share, golds: [other, gold] };
    const alike = `${(share * 100).toFixed(0)} % alike`;
    if ((await goldsAgree(gold, other, this.#sameAnswer)) === false) {
      const explanation = `${alike} to ${of}, with the same numbers but another gold`;
      this.#log.note({
        id: this.#ids[index]!,
        reason: 'near duplicate with another gold',
        explanation,
        evidence,
      });
      return false;
    }
    this.#remove(index, 'near duplicate', `${alike} to ${of}, with the same numbers and gold`, evidence);
    return true;
  }

  #remove(
    index: number,
    reason: string,
    explanation: string,
    evidence: Readonly<Record<string, unknown>>,
  ): void {
    this.#removed.add(index);
    this.#log.remove({ id: this.#ids[index]!, reason, explanation, evidence });
  }
}

/** Hashes a text to 53 bits. */
function wideHash(text: string): number {
  return hashKey('high', text) * 2 ** 21 + (hashKey('low', text) >>> 11);
}
