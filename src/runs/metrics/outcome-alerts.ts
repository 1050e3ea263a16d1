import { sum } from '../../statistics/summary.ts';
import type { Alert, RunVitals } from './alert-types.ts';

/*
 * Alerts about the outcome of the entire run, not its last steps; shown when the run ends.
 */

const percent = (share: number): string => (100 * share).toFixed(1);

/** Alerts if held-out accuracy fell: the entire interval of its change is below 0. */
export const heldOutFell = ({ heldOut = [] }: RunVitals): Alert[] =>
  heldOut
    .filter(({ change }) => change.high < 0)
    .map(({ suite, step, change }) => ({
      id: 'held-out-fell',
      severity: 'error',
      title:
        `Held-out accuracy on ${suite} fell by ${percent(-change.mean)} points ` +
        `[${percent(change.low)}, ${percent(change.high)}] since the start`,
      whatToDo:
        'The policy is worse than its base model. Lower the learning rate, and read rollouts of the last steps: the policy may memorise training answers, or the verifier may reward wrong ones.',
      step,
      evidence: { metric: `change on ${suite}`, value: change.high, threshold: 0 },
    }));

/** Number of passes over a pool beyond which the policy is likely to memorise it. */
const mostPasses = 10;

/** Alerts if a stage makes too many passes over its pool. */
export const poolExhausted = ({ pools = [] }: RunVitals): Alert[] =>
  pools
    .filter(({ passes }) => passes > mostPasses)
    .map(({ stage, step, problems, passes }) => ({
      id: 'pool-exhausted',
      severity: 'warning',
      title: `Stage "${stage}" used its ${problems} problems ${Math.round(passes)} times`,
      whatToDo:
        'With few problems, the policy memorises answers: add problems, widen the selection, or stop earlier; a held-out suite shows whether it learned anything.',
      step,
      evidence: { metric: 'passes over the pool', value: passes, threshold: mostPasses },
    }));

/** Threshold for the excess of a family's most common answer: its share of the answers minus its share of the golds. */
export const mostExcess = 0.3;

/** Alerts if one answer is given to many different problems. */
export function answersCollapsed(vitals: RunVitals, recent: number): Alert[] {
  const metric = 'answer/commonestExcess';
  const { steps, values } = vitals.metric(metric, recent);
  if (values.length === 0) return [];
  const value = sum(values) / values.length;
  if (value <= mostExcess) return [];
  return [
    {
      id: 'answers-collapsed',
      severity: 'warning',
      title: `In one family, the most common answer is given ${Math.round(100 * value)} points more often than it is right`,
      whatToDo:
        'Read the rollouts of that family (events name the answer): the policy guesses the most frequent answer instead of solving. Select problems with different golds, or verify more than the final answer.',
      step: steps.at(-1)!,
      evidence: { metric, value, threshold: mostExcess },
    },
  ];
}

/** Alerts if a domain has had no reward in its last steps while another domain has. */
export function domainsUnsolved({ domains = [], metric, step }: RunVitals, recent: number): Alert[] {
  const rewards = domains.map((domain) => {
    const name = `reward/${domain}/mean`;
    return { domain, name, values: metric(name, 10 * recent).values.slice(-recent) };
  });
  const isUnsolved = ({ values }: (typeof rewards)[number]): boolean =>
    values.length === recent && values.every((value) => value === 0);
  if (rewards.every(isUnsolved)) return [];
  return rewards.filter(isUnsolved).map(({ domain, name }) => ({
    id: 'domain-unsolved',
    severity: 'warning',
    title: `No rollout in the domain "${domain}" was rewarded in its last ${recent} steps`,
    whatToDo:
      'Its rollouts teach nothing. Read some of them: if the verifier is right, add easier problems of this domain or worked solutions (imitate), or remove the domain from the stage.',
    step,
    evidence: { metric: name, value: 0, threshold: 0 },
  }));
}

/** Runs with fewer steps are smoke tests, which need no alert. */
const fewestSteps = 10;

/** Alerts if a run ended without any training signal. */
export function noSignal(vitals: RunVitals): Alert[] {
  if (vitals.status !== 'finished' || vitals.step < fewestSteps) return [];
  const stepsWith = (metric: string): number => vitals.metric(metric, vitals.step).steps.length;
  // Steps that imitate examples record a different loss and always have a signal.
  if (stepsWith('optim/loss') > 0 || stepsWith('sft/loss') > 0) return [];
  return [
    {
      id: 'no-signal',
      severity: 'error',
      title: `None of the ${vitals.step} steps changed the policy: the run trained nothing`,
      whatToDo:
        'In every group, all rewards were equal or a gate rejected the group. Measure difficulty (gradus difficulty estimate) and select problems that the model sometimes solves; raise maxTokens if answers are truncated.',
      step: vitals.step,
      evidence: { metric: 'steps with optim/loss', value: 0, threshold: 1 },
    },
  ];
}
