import type { Alert } from '../../../../src/runs/metrics/alert-types.ts';
import { InertLine } from '../../design/inert-text.tsx';
import { short } from '../../design/numbers.ts';
import styles from '../../design/parts.module.css';
import { Link } from '../../router.tsx';
import own from './overview.module.css';

/** Alerts, most severe first, each with what to do; renders nothing without alerts. */
export function Alerts({ folder, alerts }: { readonly folder: string; readonly alerts: readonly Alert[] }) {
  if (alerts.length === 0) return null;
  return (
    <section aria-label="Alerts">
      <ul className={own.alerts}>
        {alerts.map((alert) => (
          <li key={alert.id} className={`${own.alert} ${alert.severity === 'error' ? own.error : ''}`}>
            <b>
              <InertLine text={alert.title} max={300} />
            </b>{' '}
            <Link to={['runs', folder, 'rollouts']} query={{ from: alert.step, to: alert.step }}>
              step {alert.step}
            </Link>{' '}
            {alert.evidence !== undefined && (
              <Link to={['runs', folder, 'metrics']} query={{ find: alert.evidence.metric }}>
                {alert.evidence.metric} is {short(alert.evidence.value)}, limit{' '}
                {short(alert.evidence.threshold)}
              </Link>
            )}
            <div className={styles.soft}>
              <InertLine text={alert.whatToDo} max={500} />
            </div>
          </li>
        ))}
      </ul>
    </section>
  );
}
