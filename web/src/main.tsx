import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { App } from './app.tsx';
import { httpSource } from './data/http-source.ts';
import { embeddedRuns, staticSource } from './data/static-source.ts';
import { SourceContext } from './data/use-data.ts';
import './design/tokens.css';

const exported = embeddedRuns();
const source = exported === undefined ? httpSource() : staticSource(exported);

createRoot(document.querySelector('#root')!).render(
  <StrictMode>
    <QueryClientProvider client={new QueryClient()}>
      <SourceContext value={source}>
        <App />
      </SourceContext>
    </QueryClientProvider>
  </StrictMode>,
);
