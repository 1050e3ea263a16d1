import * as z from 'zod';
import { mean } from '../core/statistics.ts';
import { linearFit } from '../core/statistics-regression.ts';

const maxStepsRule = z.strictObject({ type: z.literal('max-steps'), steps: z.int().positive() });

const plateauRule = z.strictObject({
  type: z.literal('plateau'),
  metric: z.string().default('reward/mean'),
  /** Measured steps looked at; the rule never fires before there are as many. Short windows stop by chance. */
  window: z.int().min(3).default(50),
  /** How many standard errors above zero a slope must be to count as still rising. */
  standardErrors: z.number().min(0).default(2),
  /**
   * Set: the window must also show that nothing much is being missed, i.e. the steepest slope within
   * `standardErrors` gains at most this over another window. Guards against stopping only because of noise.
   */
  negligibleGain: z.number().positive().nullable().default(null),
});

const targetRateRule = z.strictObject({
  type: z.literal('target-rate'),
  metric: z.string().default('reward/mean'),
  above: z.number(),
  /** Measured steps averaged. */
  window: z.int().positive().default(10),
});

interface Combination<R> {
  type: 'any' | 'all';
  rules: R[];
}

type Leaf = z.infer<typeof maxStepsRule> | z.infer<typeof plateauRule> | z.infer<typeof targetRateRule>;
type LeafInput = z.input<typeof maxStepsRule> | z.input<typeof plateauRule> | z.input<typeof targetRateRule>;

/** When a stage has done its work. */
export type AdvanceRule = Leaf | Combination<AdvanceRule>;
/** A rule as recipes write it, defaults left out. */
export type AdvanceRuleInput = LeafInput | Combination<AdvanceRuleInput>;

const rules = z.array(z.lazy((): typeof advanceRuleConfig => advanceRuleConfig)).min(1);

/**
 * - `max-steps`: that many steps are done; inside `all` it reads "at least that many";
 * - `plateau`: the metric stopped rising. Over the last `window` steps that measured it, a least-squares line has slope
 *   b with standard error s; the rule fires when b ≤ standardErrors · s, i.e. the slope is not significantly above 0;
 * - `target-rate`: the metric's mean over the last `window` steps that measured it is above a value;
 * - `any`, `all`: of other rules.
 */
export const advanceRuleConfig: z.ZodType<AdvanceRule, AdvanceRuleInput> = z.discriminatedUnion('type', [
  maxStepsRule,
  plateauRule,
  targetRateRule,
  z.strictObject({ type: z.literal('any'), rules }),
  z.strictObject({ type: z.literal('all'), rules }),
]);

/** After a number of steps. */
export function maxSteps(steps: number): AdvanceRuleInput {
  return { type: 'max-steps', steps };
}

/** When a metric stops rising, e.g. `plateau({ metric: 'reward/mean', window: 100 })`. */
export function plateau(options: Omit<z.input<typeof plateauRule>, 'type'> = {}): AdvanceRuleInput {
  return { type: 'plateau', ...options };
}

/** When a metric is high enough, e.g. `targetRate({ above: 0.8 })`. */
export function targetRate(options: Omit<z.input<typeof targetRateRule>, 'type'>): AdvanceRuleInput {
  return { type: 'target-rate', ...options };
}

/** When the first of several rules fires. */
export function whenAny(...inner: AdvanceRuleInput[]): AdvanceRuleInput {
  return { type: 'any', rules: inner };
}

/** When several rules hold at once. */
export function whenAll(...inner: AdvanceRuleInput[]): AdvanceRuleInput {
  return { type: 'all', rules: inner };
}

/** Measured values of one metric, oldest first, as [step in stage, value]. Steps that did not measure it are absent. */
export type Series = readonly (readonly [number, number])[];

/** What rules look at. */
export interface StageProgress {
  /** Steps done in this stage. */
  readonly steps: number;
  readonly series: Readonly<Record<string, Series>>;
}

/** Whether a rule fired, and the numbers behind that in words. */
export interface AdvanceFinding {
  readonly fired: boolean;
  readonly reason: string;
}

/** Judges a rule. */
export function evaluateAdvance(rule: AdvanceRule, progress: StageProgress): AdvanceFinding {
  switch (rule.type) {
    case 'max-steps':
      return {
        fired: progress.steps >= rule.steps,
        reason: `${progress.steps} of at most ${rule.steps} steps done`,
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

/** The longest window that a rule needs of each metric: what is worth keeping. */
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

function judgePlateau(rule: z.infer<typeof plateauRule>, recent: Series): AdvanceFinding {
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
    reason: `${rule.metric} over ${range} changes by ${format(slope)} ± ${format(margin)} a step (${rule.standardErrors} standard errors): ${found}`,
  };
}

function judgeTarget(
  { metric, above, window }: z.infer<typeof targetRateRule>,
  recent: Series,
): AdvanceFinding {
  const level = mean(recent.map(([, value]) => value));
  const fired = level > above;
  return {
    fired,
    reason: `${metric} averages ${format(level)} over ${window} steps, ${fired ? 'above' : 'not above'} ${above}`,
  };
}

/** `any` is decided by what fired, `all` by what did not; where nothing decides, everything is told. */
function combine(type: 'any' | 'all', findings: readonly AdvanceFinding[]): AdvanceFinding {
  const fired =
    type === 'any' ? findings.some((finding) => finding.fired) : findings.every((finding) => finding.fired);
  const telling = findings.filter((finding) => finding.fired === fired);
  return { fired, reason: telling.map(({ reason }) => reason).join('; ') };
}

function format(value: number): string {
  return Number(value.toPrecision(3)).toString();
}
