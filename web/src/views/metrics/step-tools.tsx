import type { RunDetail } from '../../../../src/services/dashboard/views/run-detail.ts';
import type { StepRange } from '../../charts/step-axis.tsx';
import { Field } from '../../design/parts.tsx';
import styles from '../../design/parts.module.css';
import { useFilters } from '../../router.tsx';
import own from './metrics.module.css';

/** Controls for the metrics, steps and smoothing shown; their state is in the URL. */
export function StepTools(props: {
  readonly run: RunDetail;
  readonly range: StepRange;
  readonly only: string | null;
}) {
  const { run, range, only } = props;
  const [query, set] = useFilters();
  const isSmooth = query.get('smooth') === 'on';
  const isWhole = range.from === 0 && range.to === Math.max(1, run.head.step);
  return (
    <div className={styles.row}>
      <Field name="Find a metric">
        <input
          data-filter
          type="search"
          placeholder="name, key, TRL or verl name"
          value={query.get('find') ?? ''}
          onChange={(event) => set({ find: event.target.value })}
        />
      </Field>
      <Field name="Stage">
        <select
          value={query.get('stage') ?? ''}
          onChange={(event) => set({ stage: event.target.value, from: '', to: '' })}
        >
          <option value="">all</option>
          {run.stages.map(({ stage }) => (
            <option key={stage}>{stage}</option>
          ))}
        </select>
      </Field>
      <Field name="From step">
        <StepInput value={query.get('from') ?? ''} shown={range.from} onChange={(from) => set({ from })} />
      </Field>
      <Field name="To step">
        <StepInput value={query.get('to') ?? ''} shown={range.to} onChange={(to) => set({ to })} />
      </Field>
      <button type="button" aria-pressed={isSmooth} onClick={() => set({ smooth: isSmooth ? '' : 'on' })}>
        Smooth
      </button>
      <button
        type="button"
        disabled={isWhole && only === null}
        onClick={() => set({ from: '', to: '', stage: '', panel: '' })}
      >
        Show all
      </button>
    </div>
  );
}

/** A field for a step; the placeholder is the default. */
function StepInput(props: {
  readonly value: string;
  readonly shown: number | string;
  readonly onChange: (value: string) => void;
}) {
  return (
    <input
      className={own.step}
      inputMode="numeric"
      value={props.value}
      placeholder={String(props.shown)}
      onChange={(event) => props.onChange(event.target.value.replaceAll(/\D/gu, ''))}
    />
  );
}
