import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { App } from './app.tsx';
import { embeddedRuns, staticSource } from './data/static-source.ts';
import { SourceContext } from './data/use-data.ts';
// oxlint-disable-next-line import/no-unassigned-import -- a style sheet
import './design/tokens.css';

const source = staticSource(embeddedRuns());

createRoot(document.querySelector('#root')!).render(
  <StrictMode>
    <QueryClientProvider client={new QueryClient()}>
      <SourceContext value={source}>
        <App />
      </SourceContext>
    </QueryClientProvider>
  </StrictMode>,
);
