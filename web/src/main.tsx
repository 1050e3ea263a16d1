import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { App } from './app.tsx';
import { httpSource } from './data/http-source.ts';
import { embeddedRuns, staticSource } from './data/static-source.ts';
import { SourceContext } from './data/use-data.ts';
import { applyTheme, savedTheme } from './theme.ts';
// oxlint-disable-next-line import/no-unassigned-import -- a style sheet
import './design/tokens.css';

applyTheme(savedTheme());
/** A page that carries its runs shows them; one from a server asks it, and asks again what it says has changed. */
const isExported = document.querySelector('script#gradus-runs') !== null;
const source = isExported ? staticSource(embeddedRuns()) : httpSource();
const queries = new QueryClient({
  defaultOptions: {
    queries: { staleTime: Infinity, retry: false, refetchOnWindowFocus: false },
  },
});
source.subscribe(async ({ runs }) => {
  const changed = new Set(runs);
  await queries.invalidateQueries({
    predicate: ({ queryKey: [kind, folder], state }) =>
      (kind !== 'run' || changed.has(String(folder))) && !isDeep(state.data),
  });
});

/** Who has scrolled far through a table keeps what was read: all of it again at every step would cost most and help least. */
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
