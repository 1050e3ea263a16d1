import { mean, quantile } from '../../statistics/summary.ts';
import type { MetricSeries } from '../reading/run-rows.ts';
import type { Alert, RunVitals } from './alert-types.ts';
import { otherFormsAccepted } from './answer-form-alert.ts';
import { answersCollapsed, heldOutFell, noSignal, poolExhausted } from './outcome-alerts.ts';

/** Steps that a judgement rests on: one bad batch is no alarm. */
const recent = 10;
/** A step may take this many times what steps took lately before it counts as standing still; and never less than… */
const patienceSteps = 10;
const patienceSeconds = 300;

/** What is wrong with a run, most pressing first; nothing on a run that is well. */
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
        title: `The run failed: ${reason ?? 'without a reason'}`,
        whatToDo:
          'Mend what the message names, then continue from the last checkpoint with gradus resume; nothing before it is lost.',
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
      title: `No step for ${Math.round(secondsSinceStep / 60)} minutes, though a process has the run open`,
      whatToDo:
        'It may be evaluating or measuring (see the events), or hang: look at its log, and at the engine and the verifiers it names as unfinished. Stopping it loses nothing before the last checkpoint.',
      step,
      evidence: { metric: 'seconds since the last step', value: secondsSinceStep, threshold: patience },
    },
  ];
}

/** An alert when the median of a metric's last steps is above a threshold. */
interface Threshold extends Pick<Alert, 'id' | 'severity' | 'title' | 'whatToDo'> {
  readonly metric: string;
  readonly threshold: number;
  /** And only if it has grown by this factor over its first steps. */
  readonly growth?: number;
}

const thresholds: readonly Threshold[] = [
  {
    id: 'zero-signal',
    severity: 'warning',
    metric: 'group/zeroAdvantage',
    threshold: 0.8,
    title: 'Nearly every group is solved always or never: hardly anything is learnt from',
    whatToDo:
      'Look whether groups are solved by all or by none, and select a harder or an easier level; zeroAdvantage() as a gate refills the batch with groups that differ.',
  },
  {
    id: 'truncation-rising',
    severity: 'warning',
    metric: 'rollout/truncated',
    threshold: 0.2,
    growth: 1.5,
    title: 'More and more rollouts are cut off at the token limit',
    whatToDo:
      "Raise the stage's maxTokens, or leave cut-off rollouts out of the loss (truncated: 'mask'); a model that only grows longer may be repeating itself: read some.",
  },
  {
    id: 'mostly-truncated',
    severity: 'warning',
    metric: 'rollout/truncated',
    threshold: 0.5,
    title: 'Most rollouts are cut off at the token limit',
    whatToDo: "Raise the stage's maxTokens, or begin with problems that need less.",
  },
  {
    id: 'ungradable',
    severity: 'warning',
    metric: 'verdict/ungradable',
    threshold: 0.02,
    title: 'Rollouts cannot be judged, whatever they answer',
    whatToDo:
      'Filter the rollouts by the verdict "ungradable" and read the reasons: a bad gold answer, or a verifier or sandbox that breaks. gradus doctor tests the sandbox.',
  },
  {
    id: 'unparsed',
    severity: 'warning',
    metric: 'verdict/unparsed',
    threshold: 0.3,
    title: 'In many rollouts no answer is found',
    whatToDo:
      'Read some: either the model does not write answers as the verifier expects (say so in the prompt, or set its extraction), or it is cut off before the answer.',
  },
  {
    id: 'verdicts-time-out',
    severity: 'warning',
    metric: 'verdict/timeout',
    threshold: 0.1,
    title: 'Many answers exceed the time for judging them',
    whatToDo:
      'Read some: programs that loop are the usual cause; a limit that is too tight for the machine is another.',
  },
  {
    id: 'mismatch',
    severity: 'warning',
    metric: 'policy/mismatchKl',
    threshold: 0.01,
    title: 'The sampler and the trainer disagree on the probabilities of what was written',
    whatToDo:
      'Compare their precision and attention settings; until they agree, a lower learning rate or clipping by importance keeps training stable.',
  },
  {
    id: 'clipping',
    severity: 'warning',
    metric: 'policy/clipHigh',
    threshold: 0.3,
    title: 'A large share of tokens is clipped: steps are too long for the rollouts they learn from',
    whatToDo: 'Lower the learning rate, or take fewer updates per batch of rollouts (batch.updates).',
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
      title: 'Entropy has collapsed: the policy answers nearly always the same',
      whatToDo:
        'Nothing new will be tried from here. Go back to an earlier checkpoint with a lower learning rate, a wider upper clip (dapo: clipHigh), or a higher temperature.',
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
      title: 'The gradient norm jumped to a multiple of what it was',
      whatToDo:
        'Look at the groups of that step; clip the gradient (optimizer.maxGradNorm) or lower the learning rate if it happens again.',
      step: steps[at]!,
      evidence: { metric, value: values[at]!, threshold },
    },
  ];
}

/** Reward far below what the run has had: compared in means over `recent` steps, so that harder stages show too. */
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
      title: 'Reward has fallen to less than half of what it was',
      whatToDo:
        'At the beginning of a harder stage this is expected. Otherwise training has broken something: look at entropy and length, and go back to an earlier checkpoint with a lower learning rate.',
      step: steps.at(-1)!,
      evidence: { metric, value, threshold },
    },
  ];
}

/** Steps whose batch held nothing to learn leave the policy as it is, and measure no loss. */
function nothingLearnt(vitals: RunVitals): Alert[] {
  // Where a gradient was not finite, that is what is said.
  const { values: skipped } = vitals.metric('optim/skippedUpdates', recent);
  if (skipped.some((count) => count > 0)) return [];
  const learnt = vitals.metric('optim/loss', recent).steps.length;
  const rolled = vitals.metric('rollout/count', recent).steps.length;
  if (rolled < recent || learnt > recent / 2) return [];
  return [
    {
      id: 'nothing-learnt',
      severity: 'error',
      title: `Only ${learnt} of the last ${recent} steps changed the policy`,
      whatToDo:
        'Every group was turned away by a gate or has equal rewards: widen what the stage selects, or raise maxRefills or the group size.',
      step: vitals.step,
      evidence: { metric: 'steps with optim/loss', value: learnt, threshold: recent / 2 },
    },
  ];
}

/** One gradient that is not finite is left out and forgotten; several are a sign. */
function updatesSkipped(vitals: RunVitals): Alert[] {
  const metric = 'optim/skippedUpdates';
  const { steps, values } = vitals.metric(metric, 5 * recent);
  const affected = values.filter((value) => value > 0).length;
  if (affected < 2) return [];
  return [
    {
      id: 'updates-skipped',
      severity: 'warning',
      title: `In ${affected} of the last ${values.length} steps a gradient was not finite and its update was left out`,
      whatToDo:
        'Look at the groups of those steps. A lower learning rate, float32 instead of bfloat16, or a cap on importance weights usually helps; after five steps in a row without any update the run ends.',
      step: steps[values.findLastIndex((value) => value > 0)]!,
      evidence: { metric, value: affected, threshold: 1 },
    },
  ];
}

/** An engine counts how often its worker was brought back; a resumed run counts from 0 again. */
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
      title: "The engine's worker was lost and brought back",
      whatToDo:
        'Nothing is lost, but what a step had done was done again. The log of the training has its last words; out of memory is the usual cause: lower slots or tokensPerMicrobatch of the engine.',
      step: steps[at]!,
      evidence: { metric, value, threshold: 0 },
    },
  ];
}

/** The middle value, at the last of the steps; undefined where nothing was measured. */
function median({ steps, values }: MetricSeries): { step: number; value: number } | undefined {
  return steps.length === 0 ? undefined : { step: steps.at(-1)!, value: quantile(values, 0.5) };
}
