import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { createContext, useContext } from 'react';
import type { DataSource } from './source.ts';

export const SourceContext = createContext<DataSource | undefined>(undefined);

/** Returns the data source, for calls that are not cached queries. */
export function useSource(): DataSource {
  const source = useContext(SourceContext);
  if (source === undefined) throw new Error('expected a data source around the pages, found none');
  return source;
}

/** Queries the source and keeps the previous data while it loads. `isOn: false` disables the query. */
export function useData<T>(key: readonly unknown[], ask: (source: DataSource) => Promise<T>, isOn = true) {
  const source = useSource();
  return useQuery({
    queryKey: key,
    queryFn: () => ask(source),
    placeholderData: keepPreviousData,
    enabled: isOn,
  });
}

/** Queries the detail of a run, which all its pages share. */
export function useRun(folder: string, isOn = true) {
  return useData(['run', folder], (source) => source.run(folder), isOn);
}
