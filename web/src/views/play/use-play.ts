import { useEffect, useRef, useState } from 'react';
import type { PlayEvent, PlayRequest } from '../../../../src/server/play.ts';
import { useSource } from '../../data/use-data.ts';

/** A finished completion. */
export type PlayAnswer = Extract<PlayEvent, { type: 'completion' }>;

/** Answers as they come, and the one request that may be on its way. */
export interface Play {
  readonly answers: readonly PlayAnswer[];
  readonly isRunning: boolean;
  readonly error: string | null;
  readonly ask: (request: Omit<PlayRequest, 'run'>) => void;
  readonly stop: () => void;
}

/** Asks a run's models; leaving the page stops what is running. */
export function usePlay(run: string): Play {
  const source = useSource();
  const [state, setState] = useState<Pick<Play, 'answers' | 'isRunning' | 'error'>>({
    answers: [],
    isRunning: false,
    error: null,
  });
  const running = useRef<AbortController | null>(null);
  useEffect(() => () => running.current?.abort(), []);
  const ask = async (request: Omit<PlayRequest, 'run'>): Promise<void> => {
    running.current?.abort();
    const controller = new AbortController();
    running.current = controller;
    setState({ answers: [], isRunning: true, error: null });
    try {
      for await (const event of source.play({ ...request, run }, controller.signal)) {
        if (event.type === 'completion')
          setState((before) => ({ ...before, answers: [...before.answers, event] }));
        if (event.type === 'error') setState((before) => ({ ...before, error: event.message }));
      }
    } catch (error) {
      if (!controller.signal.aborted) setState((before) => ({ ...before, error: (error as Error).message }));
    } finally {
      if (running.current === controller) setState((before) => ({ ...before, isRunning: false }));
    }
  };
  return { ...state, ask: (request) => void ask(request), stop: () => running.current?.abort() };
}
