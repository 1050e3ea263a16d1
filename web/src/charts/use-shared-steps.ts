import { useCallback, useMemo } from 'react';
import type { RunDetail } from '../../../src/services/dashboard/views/run-detail.ts';
import { go, useFilters } from '../router.tsx';
import type { StepAxis, StepRange } from './step-axis.tsx';
import { rangeOf } from './step-range.ts';

/** Returns the step axis of a run's charts from the URL; clicking a step opens its groups. */
export function useSharedSteps(folder: string, { head, stages }: RunDetail): Omit<StepAxis, 'cursor'> {
  const [query, set] = useFilters();
  const zoom = useCallback(
    (part: StepRange | null) => set(part === null ? { from: '', to: '', stage: '' } : { ...part }),
    [set],
  );
  const open = useCallback(
    (step: number) => go(['runs', folder, 'rollouts'], { from: step, to: step }),
    [folder],
  );
  return useMemo(
    () => ({
      range: rangeOf(query, stages, head.step),
      stages,
      isSmooth: query.get('smooth') === 'on',
      zoom,
      open,
    }),
    [query, stages, head.step, zoom, open],
  );
}
