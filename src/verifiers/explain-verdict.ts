import { printable } from '../core/text/printable.ts';
import type { Verdict } from '../core/verdict.ts';

const maxShown = 600;

/** Formats a verdict and all its evidence as readable lines that are safe to print on a terminal. */
export function explainVerdict({ outcome, score, reason, verifier, evidence = {} }: Verdict): string {
  const { tests, parts, ...facts } = evidence;
  const lines = [
    `${outcome} (score ${Number(score.toFixed(4))})`,
    `reason: ${reason}`,
    ...Object.entries(facts).map(([name, value]) => `${name}: ${shown(value)}`),
    ...listed('test', tests),
    ...listed('part', parts),
    `verifier: ${verifier}`,
  ];
  return lines.map((line) => printable(line)).join('\n');
}

const listed = (name: string, values: unknown): string[] =>
  Array.isArray(values) ? values.map((value, i) => `${name} ${i + 1}: ${shown(value)}`) : [];

function shown(value: unknown): string {
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return text.length <= maxShown ? text : `${text.slice(0, maxShown)}…`;
}
