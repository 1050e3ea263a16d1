import { noSpending, subtractSpending } from '../core/spending.ts';
import type { PassRateStore } from '../difficulty/pass-rates/pass-rate-store.ts';
import type { Sampler } from '../engines/engine.ts';

/**
 * A store that, whenever attempts are recorded, also notes what the engine has spent since; what it spent in earlier
 * commands counts against its budget from now on. The same store for engines that spend nothing.
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
