import type { DamagedShard } from './stored-rollouts.ts';
import { printable } from '../core/text/printable.ts';
import type { AuditFinding, VerdictAudit } from './audit-verdicts.ts';

/** Formats an audit as readable text. Safe to print on a terminal. */
export function formatAudit(audit: VerdictAudit): string {
  const flipped = total(audit.flips);
  const lines = [
    `${audit.judged} of ${audit.rollouts} rollouts judged again; ${flipped} verdicts differ`,
    ...section('files that could not be read', audit.damaged.map(describeDamage)),
    ...section('not judged', counts(audit.skipped)),
    ...section('verifiers', counts(audit.versions)),
    ...section('verdicts that differ', findings(audit.flips)),
    ...section(
      'problems whose answers cannot be judged',
      Object.entries(audit.ungradable).map(([id, reason]) => `${id}: ${reason}`),
    ),
    ...section('suspicious passes', findings(audit.suspicious)),
  ];
  return lines.map((line) => printable(line)).join('\n');
}

/** Formats an unreadable rollout file and the reason. */
export const describeDamage = ({ file, rollouts, reason }: DamagedShard): string =>
  `${file}, ${rollouts} rollouts: ${reason}`;

const section = (title: string, lines: readonly string[]): string[] =>
  lines.length === 0 ? [] : [`${title}:`, ...lines.map((line) => `  ${line}`)];

const counts = (all: Readonly<Record<string, number>>): string[] =>
  Object.entries(all).map(([what, count]) => `${count} × ${what}`);

const total = (all: Readonly<Record<string, AuditFinding>>): number =>
  Object.values(all).reduce((sum, { count }) => sum + count, 0);

const findings = (all: Readonly<Record<string, AuditFinding>>): string[] =>
  Object.entries(all).flatMap(([what, { count, examples }]) => [
    `${count} × ${what}`,
    ...examples.map(
      ({ problem, step, index, reason }) => `  ${problem} #${index} at step ${step}: ${reason}`,
    ),
  ]);
