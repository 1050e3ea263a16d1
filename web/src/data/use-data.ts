import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { createContext, useContext } from 'react';
import type { DataSource } from './source.ts';

export const SourceContext = createContext<DataSource | undefined>(undefined);

function useSource(): DataSource {
  const source = useContext(SourceContext);
  if (source === undefined) throw new Error('expected a data source around the pages, found none');
  return source;
}

/** Asks the source; what was known stays on the page while news is fetched. */
export function useData<T>(key: readonly unknown[], ask: (source: DataSource) => Promise<T>) {
  const source = useSource();
  return useQuery({ queryKey: key, queryFn: () => ask(source), placeholderData: keepPreviousData });
}
