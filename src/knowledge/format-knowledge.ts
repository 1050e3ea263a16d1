import { alignColumns } from '../core/text/table.ts';
import type { Estimate } from '../statistics/intervals.ts';
import type { KnowledgeReport } from './measure-knowledge.ts';

const percent = (share: number, sign = ''): string => `${share >= 0 ? sign : ''}${(100 * share).toFixed(1)}`;
const estimate = ({ mean, low, high }: Estimate, sign = ''): string =>
  `${percent(mean, sign)} [${percent(low, sign)}, ${percent(high, sign)}]`;

/** Formats the report as two tables, in percent with 95 % intervals. */
export function formatKnowledge({ problems, hits, conditions }: KnowledgeReport): string {
  const rows = conditions.map(({ condition, goldStated, accuracy, gain, accuracyUnstated }) => [
    condition,
    goldStated === undefined ? '' : percent(goldStated),
    accuracy === undefined ? '' : estimate(accuracy),
    gain === undefined ? '' : estimate(gain, '+'),
    accuracyUnstated === undefined ? '' : estimate(accuracyUnstated),
  ]);
  return [
    `${problems} problems, in %`,
    alignColumns([
      ['passages', 'answer stated', 'accuracy', 'minus retriever', 'accuracy where not stated'],
      ...rows,
    ]),
    ...(hits === undefined
      ? []
      : [
          '',
          alignColumns([
            ['source passage of the rationale', 'top 1', 'top 10'],
            ...Object.entries(hits).map(([by, { at1, at10 }]) => [by, estimate(at1), estimate(at10)]),
          ]),
        ]),
  ].join('\n');
}
