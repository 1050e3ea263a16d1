import type { Facet, Facets } from '../../../../src/services/dashboard/views/rollouts/facets.ts';
import { sum } from '../../../../src/statistics/summary.ts';
import { InertLine } from '../../design/inert-text.tsx';
import { count } from '../../design/numbers.ts';
import { Field } from '../../design/parts.tsx';
import { useFilters } from '../../router.tsx';
import { choices, numbers, turnChoices } from './filter.ts';
import own from './rollouts.module.css';

const labels: Readonly<Record<(typeof numbers)[number][0], string>> = {
  from: 'From step',
  to: 'To step',
  minReward: 'Reward ≥',
  maxReward: 'Reward ≤',
  minTokens: 'Tokens ≥',
  maxTokens: 'Tokens ≤',
};
const solved: readonly Facet[] = ['none', 'some', 'all'].map((value) => ({ value, count: -1 }));
/** Filters on single rollouts, hidden for runs without an index of rollouts. */
const ofRollouts: readonly string[] = [
  'outcome',
  'finish',
  'minReward',
  'maxReward',
  'minTokens',
  'maxTokens',
];

/** The filters of the tables; expanded on wide screens. */
export function Filters({
  facets,
  canFilterRollouts,
  hasTurns = false,
}: {
  readonly facets: Facets;
  readonly canFilterRollouts: boolean;
  /** Whether to offer the filters on turns too. */
  readonly hasTurns?: boolean;
}) {
  const [query, set] = useFilters();
  const isOffered = (name: string): boolean => canFilterRollouts || !ofRollouts.includes(name);
  return (
    <details className={own.filters} open={matchMedia('(min-width: 900px)').matches}>
      <summary>Filters</summary>
      <Field name="Problem">
        <input
          data-filter
          type="search"
          value={query.get('problem') ?? ''}
          placeholder="part of its id"
          onChange={(event) => set({ problem: event.target.value })}
        />
      </Field>
      <div className={own.numbers}>
        {numbers.map(([name]) =>
          isOffered(name) ? (
            <Field key={name} name={labels[name]}>
              <input
                inputMode="decimal"
                value={query.get(name) ?? ''}
                onChange={(event) => set({ [name]: event.target.value.replaceAll(/[^\d.-]/gu, '') })}
              />
            </Field>
          ) : null,
        )}
      </div>
      {canFilterRollouts && (
        <label className={own.choice}>
          <input
            type="checkbox"
            checked={query.has('suspicious')}
            onChange={(event) => set({ suspicious: event.target.checked ? 'true' : '' })}
          />
          <span>possible reward hacks</span>
          <span className={own.count}>{count(sum(facets.flag.map((flag) => flag.count)))}</span>
        </label>
      )}
      {hasTurns && <TurnFilters />}
      {choices.map(([name, title]) =>
        isOffered(name) ? (
          <Choice key={name} name={name} title={title} facets={name === 'solved' ? solved : facets[name]} />
        ) : null,
      )}
    </details>
  );
}

/** Filters by the outcomes of tool calls, the start and the number of turns. */
function TurnFilters() {
  const [query, set] = useFilters();
  return (
    <>
      <Field name="Turns ≥">
        <input
          inputMode="numeric"
          value={query.get('minTurns') ?? ''}
          onChange={(event) => set({ minTurns: event.target.value.replaceAll(/\D/gu, '') })}
        />
      </Field>
      {turnChoices.map(([name, title, values]) => (
        <Choice key={name} name={name} title={title} facets={values.map((value) => ({ value, count: -1 }))} />
      ))}
    </>
  );
}

function Choice(props: { readonly name: string; readonly title: string; readonly facets: readonly Facet[] }) {
  const { name, title, facets } = props;
  const [query, set] = useFilters();
  const chosen = query.getAll(name);
  const gone = chosen.filter((value) => facets.every((facet) => facet.value !== value));
  if (facets.length < 2 && chosen.length === 0) return null;
  return (
    <fieldset className={own.set}>
      <legend>{title}</legend>
      {[...facets, ...gone.map((value) => ({ value, count: 0 }))].map((facet) => (
        <label key={facet.value} className={own.choice}>
          <input
            type="checkbox"
            checked={chosen.includes(facet.value)}
            onChange={(event) =>
              set({
                [name]: event.target.checked
                  ? [...chosen, facet.value]
                  : chosen.filter((value) => value !== facet.value),
              })
            }
          />
          <span>
            <InertLine text={facet.value} max={40} />
          </span>
          <span className={own.count}>{facet.count < 0 ? '' : count(facet.count)}</span>
        </label>
      ))}
    </fieldset>
  );
}
