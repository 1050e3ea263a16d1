import { mean } from '../statistics/summary.ts';
import { linearFit } from '../statistics/regression.ts';
import type { AdvanceRule, PlateauRule, TargetRateRule } from './advance-rules.ts';

/**
 * Measured values of one metric, oldest first, as [step in stage, value]. Steps that did not measure the
 * metric are absent.
 */
type Series = readonly (readonly [number, number])[];

/** Progress of a stage, the input of rules. */
export interface StageProgress {
  /** Number of steps completed in this stage. */
  readonly steps: number;
  readonly series: Readonly<Record<string, Series>>;
}

/** Whether a rule fired, and the reason as text, with the numbers behind it. */
export interface AdvanceFinding {
  readonly fired: boolean;
  readonly reason: string;
}

/** Returns whether a rule fires given the progress of the stage, and why. */
export function evaluateAdvance(rule: AdvanceRule, progress: StageProgress): AdvanceFinding {
  switch (rule.type) {
    case 'max-steps':
      return {
        fired: progress.steps >= rule.steps,
        reason: `${progress.steps} of ${rule.steps} steps done`,
      };
    case 'plateau':
      return lastOf(rule, progress, (recent) => judgePlateau(rule, recent));
    case 'target-rate':
      return lastOf(rule, progress, (recent) => judgeTarget(rule, recent));
    case 'any':
    case 'all':
      return combine(
        rule.type,
        rule.rules.map((inner) => evaluateAdvance(inner, progress)),
      );
  }
}

/** Returns, for each metric, the longest window that a rule needs; older values can be dropped. */
export function windowsOf(rule: AdvanceRule): Record<string, number> {
  switch (rule.type) {
    case 'max-steps':
      return {};
    case 'plateau':
    case 'target-rate':
      return { [rule.metric]: rule.window };
    case 'any':
    case 'all': {
      const windows: Record<string, number> = {};
      for (const [metric, window] of rule.rules.flatMap((inner) => Object.entries(windowsOf(inner)))) {
        windows[metric] = Math.max(windows[metric] ?? 0, window);
      }
      return windows;
    }
  }
}

function lastOf(
  { metric, window }: { metric: string; window: number },
  { series }: StageProgress,
  judge: (recent: Series) => AdvanceFinding,
): AdvanceFinding {
  const recent = (series[metric] ?? []).slice(-window);
  if (recent.length === window) return judge(recent);
  return { fired: false, reason: `${metric}: ${recent.length} of ${window} values measured` };
}

function judgePlateau(rule: PlateauRule, recent: Series): AdvanceFinding {
  const steps = recent.map(([step]) => step);
  const { slope, slopeError } = linearFit(
    steps,
    recent.map(([, value]) => value),
  );
  const margin = rule.standardErrors * slopeError;
  const isRising = slope > margin;
  const possibleGain = (slope + margin) * (steps.at(-1)! - steps[0]!);
  const isOpen = !isRising && rule.negligibleGain !== null && possibleGain > rule.negligibleGain;
  const found = isRising
    ? 'still rising'
    : isOpen
      ? `too noisy to tell: another window may still gain ${format(possibleGain)}`
      : 'no longer rising';
  const range = `steps ${steps[0]}–${steps.at(-1)}`;
  return {
    fired: !isRising && !isOpen,
    reason: `${rule.metric} over ${range} changes by ${format(slope)} ± ${format(margin)} per step (${rule.standardErrors} standard errors): ${found}`,
  };
}

function judgeTarget({ metric, above, window }: TargetRateRule, recent: Series): AdvanceFinding {
  const level = mean(recent.map(([, value]) => value));
  const fired = level > above;
  return {
    fired,
    reason: `${metric} averages ${format(level)} over ${window} steps, ${fired ? 'above' : 'not above'} ${above}`,
  };
}

/** Reports the rules that decided: those that fired if the combination fired, else those that did not. */
function combine(type: 'any' | 'all', findings: readonly AdvanceFinding[]): AdvanceFinding {
  const fired =
    type === 'any' ? findings.some((finding) => finding.fired) : findings.every((finding) => finding.fired);
  const telling = findings.filter((finding) => finding.fired === fired);
  return { fired, reason: telling.map(({ reason }) => reason).join('; ') };
}

function format(value: number): string {
  return Number(value.toPrecision(3)).toString();
}
