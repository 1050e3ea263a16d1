import { sum } from '../../statistics/summary.ts';
import type { Alert, RunVitals } from './alert-types.ts';

/*
 * Alerts about what a run came to, rather than about its last steps: they stand at its end.
 */

const percent = (share: number): string => (100 * share).toFixed(1);

/** Held-out accuracy that fell, with its whole interval below 0. */
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
        'The policy is worse than the model it began from. Lower the learning rate, and read rollouts of the last steps: right answers to training problems may be memorised, or wrong ones paid.',
      step,
      evidence: { metric: `change on ${suite}`, value: change.high, threshold: 0 },
    }));

/** Passes over a pool from which it is memorised rather than learned from. */
const mostPasses = 10;

/** A pool gone through again and again. */
export const poolExhausted = ({ pools = [] }: RunVitals): Alert[] =>
  pools
    .filter(({ passes }) => passes > mostPasses)
    .map(({ stage, step, problems, passes }) => ({
      id: 'pool-exhausted',
      severity: 'warning',
      title: `Stage "${stage}" went through its ${problems} problems ${Math.round(passes)} times`,
      whatToDo:
        'Few problems are memorised: add problems, select wider, or stop earlier; a held-out suite shows whether anything was learned.',
      step,
      evidence: { metric: 'passes over the pool', value: passes, threshold: mostPasses },
    }));

/** Share of a family's answers by which its commonest answer may exceed the share of golds that equal it. */
export const mostExcess = 0.3;

/** One answer given to many different problems. */
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
      title: `In one family a single answer is given ${Math.round(100 * value)} points more often than it is right`,
      whatToDo:
        'Read the rollouts of that family (events name the answer): the policy guesses what is right most often instead of solving. Select problems whose golds differ, or verify more than the final answer.',
      step: steps.at(-1)!,
      evidence: { metric, value, threshold: mostExcess },
    },
  ];
}

/** Steps from which a run without a signal is no smoke test. */
const fewestSteps = 10;

/** A run that ended without a single step with a signal. */
export function noSignal(vitals: RunVitals): Alert[] {
  if (vitals.status !== 'finished' || vitals.step < fewestSteps) return [];
  const learnt = vitals.metric('optim/loss', vitals.step).steps.length;
  if (learnt > 0) return [];
  return [
    {
      id: 'no-signal',
      severity: 'error',
      title: `None of the ${vitals.step} steps changed the policy: the run trained nothing`,
      whatToDo:
        'Every group had equal rewards or was turned away by a gate. Measure difficulty (gradus difficulty estimate) and select problems the model solves sometimes; raise maxTokens if answers are cut off.',
      step: vitals.step,
      evidence: { metric: 'steps with optim/loss', value: 0, threshold: 1 },
    },
  ];
}
