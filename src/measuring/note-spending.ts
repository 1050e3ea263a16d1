import { noSpending, subtractSpending } from '../core/spending.ts';
import type { PassRateStore } from '../difficulty/pass-rates/pass-rate-store.ts';
import type { Sampler } from '../engines/engine.ts';

/**
 * Wraps a store so that recording attempts also records the engine's spending since the last record. Spending by
 * earlier commands counts against the engine's budget. For engines without spending, returns the store unchanged.
 */
export function noteSpending(
  store: PassRateStore,
  model: string,
  { spending }: Pick<Sampler, 'spending'>,
): PassRateStore & { readonly note: () => void } {
  if (spending === undefined) return { ...store, note: () => {} };
  spending.carryOver(store.spending(model));
  let noted = noSpending;
  const note = (): void => {
    const total = spending.total();
    if (total.requests > noted.requests) store.recordSpending(model, subtractSpending(total, noted));
    noted = total;
  };
  return {
    ...store,
    note,
    record: (conditions, observations) => {
      const added = store.record(conditions, observations);
      note();
      return added;
    },
  };
}
