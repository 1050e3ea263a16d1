import { formatSeconds } from '../core/text/duration.ts';
import { printable } from '../core/text/printable.ts';
import { alignColumns } from '../core/text/table.ts';
import { type RunPlan, totalOf } from './plan.ts';
import type { Range } from './range.ts';

/** Formats a plan: a table of its parts, then memory, cost, and the sources of the estimates. */
export function formatPlan(plan: RunPlan): string {
  const total = totalOf(plan);
  const rows = [...plan.parts, ...(total === undefined ? [] : [{ ...total, kind: 'total' as const }])];
  const table = alignColumns([
    ['part', 'rollouts', 'tokens written', 'time'],
    ...rows.map((part) => [
      labelOf(part),
      formatRange(part.rollouts, whole),
      formatRange(part.tokens, rounded),
      part.seconds === undefined ? 'unknown' : formatRange(part.seconds, formatSeconds),
    ]),
  ]);
  return [table, '', ...factsOf(plan)].join('\n');
}

/** Returns the label of a part in tables. */
export const labelOf = ({ kind, name }: { readonly kind: string; readonly name: string }): string =>
  kind === 'stage' ? `stage "${printable(name)}"` : kind;

/** Formats an expected value with its range in parentheses; omits the range of an exact value. */
export function formatRange({ low, expected, high }: Range, format: (value: number) => string): string {
  return low === high ? format(expected) : `${format(expected)} (${format(low)} … ${format(high)})`;
}

/** Formats a count. */
export const whole = (value: number): string => Math.round(value).toLocaleString('en');

/** Formats a forecast count with two significant digits. */
export const rounded = (value: number): string => Number(value.toPrecision(2)).toLocaleString('en');

const megabytes = (bytes: number): string => `${whole(bytes / 1e6)} MB`;

function factsOf({ lengthFrom, speedFrom, memory, placement, cost, omitted }: RunPlan): string[] {
  return [
    `length of a rollout: ${lengthFrom === undefined ? 'unknown, so the limit is assumed; gradus difficulty estimate measures it' : `from ${lengthFrom}`}`,
    `speed: ${speedFrom === undefined ? 'unknown; train a few steps of this model into the folder of --history to measure it' : `from ${speedFrom}, on this machine`}`,
    memoryLine(memory),
    ...(memory?.changes ?? []).map((change) => `  fits with: --set ${change}`),
    ...(placement === undefined ? [] : [`placement: ${placement}`]),
    ...(cost === undefined
      ? []
      : [
          `cost: ${formatRange(cost.total, (value) => value.toPrecision(2))} ${cost.currency}, at ${cost.perHour} an hour`,
        ]),
    ...omitted.map((what) => `not in the plan: ${what}`),
  ];
}

function memoryLine(memory: RunPlan['memory']): string {
  if (memory === undefined) return 'memory: not forecast for this engine';
  const { bytes, budget, positions, problem } = memory;
  if (bytes === undefined) return `! memory: ${problem}`;
  return (
    `memory: the engine takes at most ${megabytes(bytes)} for sequences of ${positions} tokens, ` +
    `of its budget of ${megabytes(budget)}`
  );
}
