import { createContext, useContext, useState, type ReactNode } from 'react';

const CursorContext = createContext<readonly [number | null, (step: number | null) => void]>([
  null,
  () => {},
]);

/** All charts inside point at the same step. */
export function SharedCursor({ children }: { readonly children: ReactNode }) {
  return <CursorContext value={useState<number | null>(null)}>{children}</CursorContext>;
}

export const useCursor = () => useContext(CursorContext);
