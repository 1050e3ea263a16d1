import { countOf } from '../../core/text/count.ts';
import { alignColumns } from '../../core/text/table.ts';
import { percent, points } from '../../evaluation/format.ts';
import type { Estimate } from '../../statistics/intervals.ts';
import type { AuditResult, SignalRow } from '../../supervised/race/outcome.ts';
import type { RacedTrial } from '../../supervised/race/race.ts';
import type { RaceReport } from './run-race.ts';

/** Formats a race for the terminal: trials, choice, cost, audit and signals. */
export function formatRace(report: RaceReport): string {
  const { trials, base, choose, chosen, front, tokens, gridTokens, audit, signals, run } = report;
  const rows = trials.map((trial) => [
    trial.name,
    endOf(trial),
    percent(trial.measures?.target),
    percent(trial.measures?.retained),
    figure(trial.signals.loss),
    figure(trial.signals.gradNorm),
    figure(trial.signals.heldOutLoss),
    front.includes(trial.name) ? 'Pareto front' : '',
  ]);
  const head = ['settings', 'trained', 'target', 'retained', 'loss', 'gradient', 'held-out', ''];
  const { measures } = trials.find(({ name }) => name === chosen)!;
  return [
    alignColumns(
      [head, ['before', '', percent(base.target), percent(base.retained), '', '', '', ''], ...rows],
      {
        figuresFrom: 2,
      },
    ),
    'loss, gradient norm and held-out loss are measured at the first rung',
    '',
    `chosen by ${choose}: ${chosen}, target ${points(measures!.target - base.target)} points, retained ${points(measures!.retained - base.retained)}`,
    `trained ${tokens.toLocaleString('en')} tokens, ${percent(tokens / gridTokens)} % of the grid's`,
    auditLine(audit),
    '',
    ...signalLines(signals),
    '',
    `run: ${run}`,
  ].join('\n');
}

const figure = (value: number | undefined): string => (value === undefined ? '–' : value.toFixed(3));

function endOf({ stoppedAt, isAudit }: RacedTrial): string {
  if (stoppedAt === null) return 'to the end';
  const stop = `stopped at ${percent(stoppedAt)} %`;
  return isAudit ? `${stop}, audited` : stop;
}

function auditLine({ stopped, audited, wrong, low, high }: AuditResult): string {
  if (stopped === 0) return 'stopped no trials';
  if (audited === 0)
    return `stopped ${countOf(stopped, 'trial')}, none audited: the share of wrong stops is unknown`;
  return (
    `audit: ${wrong} of ${audited} audited trials ended above the best kept trial; of all ${stopped} stopped trials, ` +
    `${percent(low)} to ${percent(high)} % were stopped wrongly (95 % interval)`
  );
}

function signalLines(signals: readonly SignalRow[]): string[] {
  if (signals.length === 0) return [];
  const cell = ({ mean, low, high }: Estimate): string =>
    Number.isNaN(mean) ? '–' : `${mean.toFixed(2)} (${low.toFixed(2)} … ${high.toFixed(2)})`;
  const rows = signals.map(({ signal, target, retained }) => [signal, cell(target), cell(retained)]);
  return [
    'rank correlation of each signal at the first rung with the final accuracies, over the finished trials',
    alignColumns([['signal', 'target', 'retained'], ...rows], { figuresFrom: 1 }),
  ];
}
