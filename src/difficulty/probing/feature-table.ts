import { hashKey } from '../../core/rng.ts';
import { mean, standardDeviation } from '../../statistics/summary.ts';

/** Evidence about one problem before any attempt. */
export interface ProblemFeatures {
  /** Weak evidence, in any amount: words of the text, source, family. */
  readonly words: readonly string[];
  /** Strong evidence as named numbers, e.g. a log-likelihood. A missing name means that the value is unknown. */
  readonly values: Readonly<Record<string, number>>;
}

/** The features of all problems, in order. */
export interface FeatureTable {
  /** Hashed words by problem. */
  readonly words: readonly Uint16Array[];
  /**
   * Standardised values, one column per name; 0 if unknown. A column with unknown values is followed by an indicator
   * column: 1 if unknown, else 0.
   */
  readonly columns: readonly Float64Array[];
}

/** Number of hash buckets of words. */
export const wordBuckets = 1 << 16;

/** Hashes words to distinct numbers below `wordBuckets`. */
function hashWords(words: readonly string[]): Uint16Array {
  return Uint16Array.from(new Set(words.map((feature) => hashKey(feature) % wordBuckets)));
}

/** Collects the features of problems; a problem without features has no words and only unknown values. */
export function createFeatureTable(features: readonly (ProblemFeatures | undefined)[]): FeatureTable {
  const names = new Set(features.flatMap((one) => Object.keys(one?.values ?? {})));
  return {
    words: features.map((one) => hashWords(one?.words ?? [])),
    columns: [...names].toSorted().flatMap((name) => columnsOf(features.map((one) => one?.values[name]))),
  };
}

function columnsOf(values: readonly (number | undefined)[]): Float64Array[] {
  const known = values.filter((value) => value !== undefined);
  const [centre, spread] = [mean(known), standardDeviation(known)];
  const isMissing = Float64Array.from(values, (value) => Number(value === undefined));
  const shares = known.length < values.length ? [isMissing] : [];
  if (!(spread > 0)) return shares;
  return [
    Float64Array.from(values, (value) => (value === undefined ? 0 : (value - centre) / spread)),
    ...shares,
  ];
}
