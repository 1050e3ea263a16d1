import type { StageSpan, StepRange } from './step-axis.tsx';

/**
 * Returns the range of steps in a query: `from` and `to`, else the steps of `stage`, else all steps. Ignores invalid
 * values.
 */
export function rangeOf(query: URLSearchParams, stages: readonly StageSpan[], lastStep: number): StepRange {
  const whole = { from: 0, to: Math.max(1, lastStep) };
  const span = stages.find(({ stage }) => stage === query.get('stage'));
  const base = span === undefined ? whole : { from: span.firstStep, to: span.lastStep };
  const [from, to] = [stepOf(query.get('from')) ?? base.from, stepOf(query.get('to')) ?? base.to];
  return from <= to ? { from, to } : base;
}

function stepOf(text: string | null): number | undefined {
  return text !== null && /^\d{1,9}$/u.test(text) ? Number(text) : undefined;
}
