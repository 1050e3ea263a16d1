import { describeDamage } from './format-audit.ts';
import { countOf } from '../core/text/count.ts';
import { printable } from '../core/text/printable.ts';
import type { StoredDifferences } from './answer-differences.ts';

/** Formats differences as readable text. Safe to print on a terminal. */
export function formatDifferences({
  decided,
  sameText,
  withoutRule,
  rules,
  damaged,
}: StoredDifferences): string {
  const differing = decided - sameText;
  const lines = [
    `${differing} of ${decided} correct answers differ from the gold as text`,
    ...damaged.map((shard) => `could not be read: ${describeDamage(shard)}`),
    ...(withoutRule === 0
      ? []
      : [`${countOf(withoutRule, 'other correct verdict')} without a rule (programs, choices, …)`]),
    ...(rules.length === 0 ? [] : ['by the rule that accepted them, worst first:']),
    ...rules.flatMap(({ rule, strictness, count, share, examples }) => [
      `  ${count} × ${rule} (${strictness}, ${percent(share)} of correct answers)`,
      ...examples.map(
        ({ gold, answer, problem, step, rollout }) =>
          `    gold ${shorten(gold)}, answer ${shorten(answer)}: ${problem} #${rollout} at step ${step}`,
      ),
    ]),
  ];
  return lines.map((line) => printable(line)).join('\n');
}

const percent = (share: number): string => `${(100 * share).toFixed(share < 0.001 ? 3 : 1)} %`;

const shorten = (text: string): string => (text.length <= 80 ? text : `${text.slice(0, 79)}…`);
