import type { Verdict } from '../core/verdict.ts';

/** A correct answer whose text differs from the gold, and the rule by which the verifier accepted it. */
interface AnswerDifference {
  readonly rule: string;
  readonly gold: string;
  readonly answer: string;
}

/**
 * Strictness of a rule: `loose` ignores a part (a unit, a percent sign, a base), rounds, or compares at sampled points;
 * `exact` proves equality; `form` accepts the same expression in a different notation.
 */
export type RuleStrictness = 'loose' | 'exact' | 'form';

/** The parts of a verdict from which the rule is read. */
type DecidedVerdict = Pick<Verdict, 'outcome' | 'evidence'>;

/** A verdict as stored in rows of rollouts, with its evidence as JSON. */
export interface StoredVerdict {
  readonly outcome: Verdict['outcome'];
  readonly evidence: string | null;
}

/** Result of `createDifferences`, by rule. `T` locates a rollout. */
export interface AnswerDifferences<T> {
  /** Number of correct verdicts that name their rule, the gold and the answer. */
  readonly decided: number;
  /** Number of other correct verdicts: those on programs and choices, and those of custom verifiers. */
  readonly withoutRule: number;
  /** Number of answers that equal the gold as strings. */
  readonly sameText: number;
  /** Share of `decided` whose text differs and whose rule is not `same form`, in [0, 1]; null if `decided` is 0. */
  readonly otherForm: number | null;
  /** Rules, worst first: loose, then exact, then form; the rarest first among equals. */
  readonly rules: readonly RuleDifferences<T>[];
}

/** The differing answers that one rule accepted. */
export interface RuleDifferences<T> {
  readonly rule: string;
  readonly strictness: RuleStrictness;
  readonly count: number;
  /** Share of `decided`, in [0, 1]. */
  readonly share: number;
  /** The first examples that differ in gold or answer, each truncated to 500 characters. */
  readonly examples: readonly (T & Pick<AnswerDifference, 'gold' | 'answer'>)[];
}

const maxCharacters = 500;

const looseRule = /aside|round|probe|logarithm|more than once/;
const ranks = { loose: 0, exact: 1, form: 2 } as const;

/** Classifies a rule of the math verifier. A rule of any other verifier counts as `exact` unless its name matches. */
export function strictnessOf(rule: string): RuleStrictness {
  if (rule === 'same form') return 'form';
  return looseRule.test(rule) ? 'loose' : 'exact';
}

/** Returns the gold, the answer and the rule of a correct verdict; undefined for a verdict that does not name them. */
function acceptanceOf({ outcome, evidence = {} }: DecidedVerdict): AnswerDifference | undefined {
  const { rule, gold, extracted } = evidence;
  if (outcome !== 'correct' || typeof rule !== 'string') return undefined;
  if (typeof gold !== 'string' || typeof extracted !== 'string') return undefined;
  return { rule: cut(rule), gold: gold.trim(), answer: extracted.trim() };
}

/**
 * Returns `otherForm` for the given verdicts: a share of the correct verdicts that name a rule; undefined if there are
 * none.
 */
export function otherFormShare(verdicts: readonly DecidedVerdict[]): number | undefined {
  const accepted = verdicts.flatMap((verdict) => acceptanceOf(verdict) ?? []);
  return accepted.length === 0 ? undefined : accepted.filter(isOtherForm).length / accepted.length;
}

const isOtherForm = ({ rule, gold, answer }: AnswerDifference): boolean =>
  gold !== answer && rule !== 'same form';

/** Counts, by rule, the correct answers whose text differs from the gold; keeps up to `maxExamples` per rule. */
export function createDifferences<T extends object>(maxExamples: number) {
  interface Found {
    count: number;
    readonly examples: Map<string, RuleDifferences<T>['examples'][number]>;
  }
  const found = new Map<string, Found>();
  let [decided, withoutRule, sameText, otherForm] = [0, 0, 0, 0];
  return {
    add({ outcome, evidence }: StoredVerdict, place: T): void {
      if (outcome !== 'correct') return;
      const accepted = acceptanceOf({ outcome, evidence: readEvidence(evidence) });
      if (accepted === undefined) {
        withoutRule++;
        return;
      }
      decided++;
      if (isOtherForm(accepted)) otherForm++;
      const { rule, gold, answer } = accepted;
      if (gold === answer) {
        sameText++;
        return;
      }
      const entry: Found = found.get(rule) ?? { count: 0, examples: new Map() };
      found.set(rule, entry);
      entry.count++;
      const pair = JSON.stringify([gold, answer]);
      if (entry.examples.size < maxExamples && !entry.examples.has(pair))
        entry.examples.set(pair, { ...place, gold: cut(gold), answer: cut(answer) });
    },
    result(): AnswerDifferences<T> {
      const rules = Array.from(found, ([rule, { count, examples }]) => ({
        rule,
        strictness: strictnessOf(rule),
        count,
        share: count / decided,
        examples: [...examples.values()],
      }));
      const isWorse = (a: RuleDifferences<T>, b: RuleDifferences<T>): number =>
        ranks[a.strictness] - ranks[b.strictness] || a.count - b.count || (a.rule < b.rule ? -1 : 1);
      return {
        decided,
        withoutRule,
        sameText,
        otherForm: decided === 0 ? null : otherForm / decided,
        rules: rules.toSorted(isWorse),
      };
    },
  };
}

const cut = (text: string): string =>
  text.length <= maxCharacters ? text : `${text.slice(0, maxCharacters - 1)}…`;

/** Parses stored evidence; returns an empty object if it is damaged. */
function readEvidence(text: string | null): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text ?? '{}');
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}
