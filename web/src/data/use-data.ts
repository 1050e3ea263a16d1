import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { createContext, useContext } from 'react';
import type { DataSource } from './source.ts';

export const SourceContext = createContext<DataSource | undefined>(undefined);

/** Where the pages get everything from, for what is not asked again and again. */
export function useSource(): DataSource {
  const source = useContext(SourceContext);
  if (source === undefined) throw new Error('expected a data source around the pages, found none');
  return source;
}

/** Asks the source; what was known stays on the page while news is fetched. Off: nothing is asked. */
export function useData<T>(key: readonly unknown[], ask: (source: DataSource) => Promise<T>, isOn = true) {
  const source = useSource();
  return useQuery({
    queryKey: key,
    queryFn: () => ask(source),
    placeholderData: keepPreviousData,
    enabled: isOn,
  });
}

/** What the pages of a run share. */
export function useRun(folder: string, isOn = true) {
  return useData(['run', folder], (source) => source.run(folder), isOn);
}
