import { countOf } from '../../core/text/count.ts';

/** Why a problem was removed, or was kept but noted for review. */
export interface Finding {
  readonly id: string;
  /** The kind of finding, by which findings are counted. */
  readonly reason: string;
  /** One sentence for the report. */
  readonly explanation: string;
  readonly evidence: Readonly<Record<string, unknown>>;
}

/** The findings of a pass over problems, with counts. */
export interface HygieneReport {
  readonly seen: number;
  readonly kept: number;
  /** Removed problems by reason. */
  readonly removed: Readonly<Record<string, number>>;
  /** Kept problems that deserve review, by reason. */
  readonly noted: Readonly<Record<string, number>>;
  /** The first few findings for each reason. */
  readonly examples: readonly Finding[];
}

/** Collects the findings for a stream of problems. */
export class FindingLog {
  readonly #removed = new Map<string, number>();
  readonly #noted = new Map<string, number>();
  readonly #examples: Finding[] = [];
  readonly #onFinding: ((finding: Finding & { readonly isRemoved: boolean }) => void) | undefined;
  #seen = 0;

  /** @param onFinding called for every finding, e.g. to write it to a file. */
  constructor(onFinding?: (finding: Finding & { readonly isRemoved: boolean }) => void) {
    this.#onFinding = onFinding;
  }

  /** Counts one problem. */
  see(): void {
    this.#seen++;
  }

  remove(finding: Finding): void {
    this.#count(this.#removed, finding);
    this.#onFinding?.({ ...finding, isRemoved: true });
  }

  note(finding: Finding): void {
    this.#count(this.#noted, finding);
    this.#onFinding?.({ ...finding, isRemoved: false });
  }

  report(): HygieneReport {
    const removed = Object.fromEntries(this.#removed);
    const total = [...this.#removed.values()].reduce((sum, count) => sum + count, 0);
    return {
      seen: this.#seen,
      kept: this.#seen - total,
      removed,
      noted: Object.fromEntries(this.#noted),
      examples: [...this.#examples],
    };
  }

  #count(counts: Map<string, number>, finding: Finding): void {
    const count = (counts.get(finding.reason) ?? 0) + 1;
    counts.set(finding.reason, count);
    if (count <= maxExamples) this.#examples.push(finding);
  }
}

const maxExamples = 3;

/** Formats a report as text: counts by reason, with a few examples each. */
export function formatReport({ seen, kept, removed, noted, examples }: HygieneReport): string {
  const lines = (counts: Readonly<Record<string, number>>, what: string): string[] =>
    Object.entries(counts)
      .toSorted(([, a], [, b]) => b - a)
      .flatMap(([reason, count]) => [
        `  ${String(count).padStart(8)}  ${reason} (${what})`,
        ...examples
          .filter((finding) => finding.reason === reason)
          .map(({ id, explanation }) => `            ${id}: ${explanation}`),
      ]);
  return [
    `${kept} of ${countOf(seen, 'problem')} ${kept === 1 ? 'stays' : 'stay'}`,
    ...lines(removed, 'removed'),
    ...lines(noted, 'kept'),
  ].join('\n');
}
