import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { App } from './app.tsx';
import { httpSource } from './data/http-source.ts';
import { embeddedRuns, staticSource } from './data/static-source.ts';
import { SourceContext } from './data/use-data.ts';
import { hrefOf } from './router.tsx';
import { applyTheme, savedTheme } from './theme.ts';
// oxlint-disable-next-line import/no-unassigned-import -- a style sheet
import './design/tokens.css';

applyTheme(savedTheme());
/** An exported page contains its runs; a served page loads them, and reloads runs that changed. */
const isExported = document.querySelector('script#gradus-runs') !== null;
const source = isExported ? staticSource(embeddedRuns()) : httpSource();
if (isExported && location.hash === '') {
  const [run, ...others] = embeddedRuns();
  if (run !== undefined && others.length === 0)
    history.replaceState(null, '', hrefOf(['runs', run.detail.head.folder, 'overview']));
}
const queries = new QueryClient({
  defaultOptions: {
    queries: { staleTime: Infinity, retry: false, refetchOnWindowFocus: false },
  },
});
source.subscribe(async ({ runs }) => {
  const changed = new Set(runs);
  await queries.invalidateQueries({
    // The prompt of a problem never changes.
    predicate: ({ queryKey: [kind, folder], state }) =>
      kind !== 'prompt' && (kind !== 'run' || changed.has(String(folder))) && !isDeep(state.data),
  });
});

/** Returns whether data is a table with many loaded pages: reloading all of them at every step would cost too much. */
function isDeep(data: unknown): boolean {
  return typeof data === 'object' && data !== null && 'pages' in data && (data.pages as unknown[]).length > 2;
}

createRoot(document.querySelector('#root')!).render(
  <StrictMode>
    <QueryClientProvider client={queries}>
      <SourceContext value={source}>
        <App />
      </SourceContext>
    </QueryClientProvider>
  </StrictMode>,
);
