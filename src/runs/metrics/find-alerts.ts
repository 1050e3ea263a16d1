import { mean, quantile } from '../../statistics/summary.ts';
import type { MetricSeries } from '../reading/run-rows.ts';
import type { Alert, RunVitals } from './alert-types.ts';
import { otherFormsAccepted } from './answer-form-alert.ts';
import { answersCollapsed, domainsUnsolved, heldOutFell, noSignal, poolExhausted } from './outcome-alerts.ts';

/** Number of steps on which an alert is based, so that one bad batch raises no alert. */
const recent = 10;
/** A run counts as stalled after this many median step durations, but not before the minimum below. */
const patienceSteps = 10;
const patienceSeconds = 300;

/** Finds the problems of a run, most urgent first; empty for a healthy run. */
export function alertsOf(vitals: RunVitals): Alert[] {
  const found = [
    ...endings(vitals),
    ...thresholds.flatMap((one) => exceeded(vitals, one)),
    ...entropyCollapse(vitals),
    ...gradientSpike(vitals),
    ...rewardLoss(vitals),
    ...nothingLearnt(vitals),
    ...updatesSkipped(vitals),
    ...workerLost(vitals),
    ...heldOutFell(vitals),
    ...poolExhausted(vitals),
    ...answersCollapsed(vitals, recent),
    ...domainsUnsolved(vitals, recent),
    ...otherFormsAccepted(vitals, recent),
    ...noSignal(vitals),
  ];
  return found.toSorted((a, b) => Number(b.severity === 'error') - Number(a.severity === 'error'));
}

function endings({ status, reason, step, secondsSinceStep, stepSeconds }: RunVitals): Alert[] {
  if (status === 'failed') {
    return [
      {
        id: 'failed',
        severity: 'error',
        title: `The run failed: ${reason ?? 'no reason recorded'}`,
        whatToDo:
          'Fix the problem in the message, then continue from the last checkpoint with gradus resume; nothing before it is lost.',
        step,
      },
    ];
  }
  const patience = Math.max(patienceSeconds, patienceSteps * (stepSeconds ?? 0));
  if (status !== 'running' || secondsSinceStep === null || secondsSinceStep < patience) return [];
  return [
    {
      id: 'stalled',
      severity: 'error',
      title: `No step for ${Math.round(secondsSinceStep / 60)} minutes, but a process has the run open`,
      whatToDo:
        'It may be evaluating or measuring (see the events), or it may be hung: check its log, and the engine or verifier listed as unfinished. If you stop it, nothing before the last checkpoint is lost.',
      step,
      evidence: { metric: 'seconds since the last step', value: secondsSinceStep, threshold: patience },
    },
  ];
}

/** Alerts if the median of a metric over the last steps is above a threshold. */
interface Threshold extends Pick<Alert, 'id' | 'severity' | 'title' | 'whatToDo'> {
  readonly metric: string;
  readonly threshold: number;
  /** If present, the median must also have grown by this factor since the first steps. */
  readonly growth?: number;
}

const thresholds: readonly Threshold[] = [
  {
    id: 'zero-signal',
    severity: 'warning',
    metric: 'group/zeroAdvantage',
    threshold: 0.8,
    title: 'Nearly all groups are always or never solved, so there is hardly any training signal',
    whatToDo:
      'If most groups are all correct, select a harder level; if most are all incorrect, an easier one; the gate zeroAdvantage() refills the batch with mixed groups.',
  },
  {
    id: 'truncation-rising',
    severity: 'warning',
    metric: 'rollout/truncated',
    threshold: 0.2,
    growth: 1.5,
    title: 'A growing share of rollouts is truncated at the token limit',
    whatToDo:
      "Raise the stage's maxTokens, or exclude truncated rollouts from the loss (truncated: 'mask'). If only the length grows, the model may be repeating itself: read some rollouts.",
  },
  {
    id: 'mostly-truncated',
    severity: 'warning',
    metric: 'rollout/truncated',
    threshold: 0.5,
    title: 'Most rollouts are truncated at the token limit',
    whatToDo: "Raise the stage's maxTokens, or start with problems that need shorter answers.",
  },
  {
    id: 'ungradable',
    severity: 'warning',
    metric: 'verdict/ungradable',
    threshold: 0.02,
    title: 'Many rollouts cannot be judged',
    whatToDo:
      'Filter the rollouts by the verdict "ungradable" and read the reasons: a bad gold answer, or a failing verifier or sandbox. gradus doctor tests the sandbox.',
  },
  {
    id: 'unparsed',
    severity: 'warning',
    metric: 'verdict/unparsed',
    threshold: 0.3,
    title: 'Many rollouts contain no answer that the verifier finds',
    whatToDo:
      'Read some rollouts: either the model does not use the format that the verifier expects (ask for it in the prompt, or change the extraction), or it is truncated before the answer.',
  },
  {
    id: 'verdicts-time-out',
    severity: 'warning',
    metric: 'verdict/timeout',
    threshold: 0.1,
    title: 'Many answers exceed the time limit for judging',
    whatToDo:
      'Read some rollouts: usually programs loop endlessly; the limit may also be too tight for this machine.',
  },
  {
    id: 'mismatch',
    severity: 'warning',
    metric: 'policy/mismatchKl',
    threshold: 0.01,
    title: 'Sampler and trainer assign different probabilities to the sampled tokens',
    whatToDo:
      'Compare their precision and attention settings. Until they agree, a lower learning rate or clipped importance weights keep training stable. With ahead(), the older policy adds to the difference: lower maxOffPolicySteps or the learning rate.',
  },
  {
    id: 'clipping',
    severity: 'warning',
    metric: 'policy/clipHigh',
    threshold: 0.3,
    title: 'A large share of tokens is clipped: updates are too large for off-policy rollouts',
    whatToDo: 'Lower the learning rate, or make fewer updates per batch of rollouts (batch.updates).',
  },
];

function exceeded(vitals: RunVitals, { metric, threshold, growth, ...alert }: Threshold): Alert[] {
  const now = median(vitals.metric(metric, recent));
  if (now === undefined || now.value <= threshold) return [];
  const start = median(vitals.start(metric, recent));
  if (growth !== undefined && (start === undefined || now.value < growth * start.value)) return [];
  return [{ ...alert, step: now.step, evidence: { metric, value: now.value, threshold } }];
}

function entropyCollapse(vitals: RunVitals): Alert[] {
  const metric = 'policy/entropy';
  const [start, now] = [median(vitals.start(metric, recent)), median(vitals.metric(metric, recent))];
  if (start === undefined || now === undefined || vitals.step < 2 * recent) return [];
  const threshold = 0.1 * start.value;
  if (now.value >= threshold) return [];
  return [
    {
      id: 'entropy-collapsed',
      severity: 'warning',
      title: 'Entropy has collapsed: the policy gives nearly the same answer every time',
      whatToDo:
        'The policy no longer explores. Go back to an earlier checkpoint with a lower learning rate, a wider upper clip (dapo: clipHigh), or a higher temperature.',
      step: now.step,
      evidence: { metric, value: now.value, threshold },
    },
  ];
}

function gradientSpike(vitals: RunVitals): Alert[] {
  const metric = 'optim/gradNorm';
  const { steps, values } = vitals.metric(metric, 5 * recent);
  if (values.length < recent) return [];
  const threshold = 20 * quantile(values, 0.5);
  const at = values.findLastIndex((value) => value > threshold);
  if (at < values.length - recent) return [];
  return [
    {
      id: 'gradient-spike',
      severity: 'warning',
      title: 'The gradient norm jumped to a multiple of its usual value',
      whatToDo:
        'Check the groups of that step; if it happens again, clip the gradient (optimizer.maxGradNorm) or lower the learning rate.',
      step: steps[at]!,
      evidence: { metric, value: values[at]!, threshold },
    },
  ];
}

/**
 * Alerts if the reward is far below its best value. Compares means over `recent` steps, even across stages of different
 * difficulty.
 */
function rewardLoss(vitals: RunVitals): Alert[] {
  const metric = 'reward/mean';
  const { steps, values } = vitals.metric(metric, 10 * recent);
  if (values.length < 3 * recent) return [];
  const windows = Array.from({ length: Math.floor(values.length / recent) }, (_, n) =>
    mean(values.slice(values.length - (n + 1) * recent, values.length - n * recent)),
  );
  const threshold = 0.5 * Math.max(...windows);
  const value = windows[0]!;
  if (threshold <= 0 || value >= threshold) return [];
  return [
    {
      id: 'reward-lost',
      severity: 'warning',
      title: 'Reward has fallen to less than half of its best',
      whatToDo:
        'At the start of a harder stage this is expected. Otherwise training is damaging the policy: check entropy and length, and go back to an earlier checkpoint with a lower learning rate.',
      step: steps.at(-1)!,
      evidence: { metric, value, threshold },
    },
  ];
}

/** Alerts if the last steps had nothing to learn from: they left the policy unchanged and measured no loss. */
function nothingLearnt(vitals: RunVitals): Alert[] {
  // Steps with a non-finite gradient have a separate alert.
  const { values: skipped } = vitals.metric('optim/skippedUpdates', recent);
  if (skipped.some((count) => count > 0)) return [];
  const learnt = vitals.metric('optim/loss', recent).steps.length;
  const rolled = vitals.metric('rollout/count', recent).steps.length;
  if (rolled < recent || learnt > recent / 2) return [];
  const isSolved = (median(vitals.metric('group/solved', recent))?.value ?? 0) > 0.5;
  return [
    {
      id: 'nothing-learnt',
      severity: isSolved ? 'warning' : 'error',
      title: `Only ${learnt} of the last ${recent} steps changed the policy${isSolved ? ': most groups are solved' : ''}`,
      whatToDo: isSolved
        ? 'The problems of this stage are learned: end it earlier, or select harder ones.'
        : 'Gates rejected every group, or all rewards were equal: widen the selection of the stage, or raise maxRefills or the group size.',
      step: vitals.step,
      evidence: { metric: 'steps with optim/loss', value: learnt, threshold: recent / 2 },
    },
  ];
}

/** Alerts if several updates were skipped; a single non-finite gradient is harmless. */
function updatesSkipped(vitals: RunVitals): Alert[] {
  const metric = 'optim/skippedUpdates';
  const { steps, values } = vitals.metric(metric, 5 * recent);
  const affected = values.filter((value) => value > 0).length;
  if (affected < 2) return [];
  return [
    {
      id: 'updates-skipped',
      severity: 'warning',
      title: `The gradient was not finite in ${affected} of the last ${values.length} steps; their updates were skipped`,
      whatToDo:
        'Check the groups of those steps. A lower learning rate, float32 instead of bfloat16, or a cap on importance weights usually helps; after five steps in a row without an update the run ends.',
      step: steps[values.findLastIndex((value) => value > 0)]!,
      evidence: { metric, value: affected, threshold: 1 },
    },
  ];
}

/** Alerts if the worker was restarted. The engine's counter begins at 0 again when a run resumes. */
function workerLost(vitals: RunVitals): Alert[] {
  const metric = 'engine/restarts';
  const { steps, values } = vitals.metric(metric, 5 * recent);
  const before = (index: number): number => (index > 0 ? values[index - 1]! : steps[0]! > 1 ? Infinity : 0);
  const at = values.findLastIndex((value, index) => value > before(index));
  if (at < 0) return [];
  const value = values[at]!;
  return [
    {
      id: 'worker-lost',
      severity: 'warning',
      title: "The engine's worker crashed and was restarted",
      whatToDo:
        'No result is lost; interrupted steps were repeated. The training log has the end of its output. Usually memory ran out: lower slots or tokensPerMicrobatch of the engine.',
      step: steps[at]!,
      evidence: { metric, value, threshold: 0 },
    },
  ];
}

/** Returns the median over the last steps as evidence at the last step; undefined if there are no values. */
function median({ steps, values }: MetricSeries): { step: number; value: number } | undefined {
  return steps.length === 0 ? undefined : { step: steps.at(-1)!, value: quantile(values, 0.5) };
}
