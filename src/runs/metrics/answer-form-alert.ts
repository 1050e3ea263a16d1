import { quantile } from '../../statistics/summary.ts';
import type { Alert, RunVitals } from './alert-types.ts';

const metric = 'verdict/otherForm';
/**
 * Minimum share, among correct answers, for an increase to raise an alert. In the demo run, 0 of 627 math answers are
 * accepted in a different form (95 % upper bound 0.6 %); 5 % allows for data sets whose gold answers vary in notation.
 */
const leastShare = 0.05;
/** Share above which an alert is raised even if the run began with such a share. */
const mostShare = 0.3;
const growth = 2;

/**
 * Alerts when answers in a form other than the gold's are accepted more often than before. Compares the medians of the
 * last and the first `recent` steps; at least half of the last steps must have a value, because early steps may contain
 * only one correct answer.
 */
export function otherFormsAccepted(vitals: RunVitals, recent: number): Alert[] {
  const { steps, values } = vitals.metric(metric, recent);
  if (values.length < recent / 2) return [];
  const value = quantile(values, 0.5);
  const start = vitals.start(metric, recent).values;
  const usual = start.length === 0 ? 0 : quantile(start, 0.5);
  const threshold = Math.min(mostShare, Math.max(leastShare, growth * usual));
  if (value <= threshold) return [];
  return [
    {
      id: 'other-forms',
      severity: 'warning',
      title: `${Math.round(100 * value)} % of correct answers differ in form from the gold`,
      whatToDo:
        'Run gradus verify audit --differences and read the examples of each rule: the policy may have found a form in which wrong answers pass. If the answers are right, ignore the alert; otherwise make the verifier stricter (docs/verifiers.md).',
      step: steps.at(-1)!,
      evidence: { metric, value, threshold },
    },
  ];
}
