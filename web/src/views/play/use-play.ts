import { useEffect, useRef, useState } from 'react';
import type { PlayedCompletion, PlayEvent, PlayRequest } from '../../../../src/services/dashboard/play.ts';
import { useSource } from '../../data/use-data.ts';

/** The completions so far and the request in flight, if any. */
export interface Play {
  readonly answers: readonly PlayedCompletion[];
  /** Text of unfinished completions, by index. */
  readonly parts: Readonly<Record<number, string>>;
  readonly isRunning: boolean;
  readonly error: string | null;
  readonly ask: (request: Omit<PlayRequest, 'run'>) => void;
  readonly stop: () => void;
}

type PlayState = Omit<Play, 'ask' | 'stop'>;

const nothing: PlayState = { answers: [], parts: {}, isRunning: false, error: null };

function after(before: PlayState, event: PlayEvent): PlayState {
  switch (event.type) {
    case 'part': {
      const text = (before.parts[event.index] ?? '') + event.text;
      return { ...before, parts: { ...before.parts, [event.index]: text } };
    }
    case 'completion': {
      const { [event.index]: _whole, ...parts } = before.parts;
      const answers = [...before.answers, event].toSorted((a, b) => a.index - b.index);
      return { ...before, answers, parts };
    }
    case 'error':
      return { ...before, error: event.message };
    case 'done':
      return before;
  }
}

/** Prompts a run's models; leaving the page aborts the request. */
export function usePlay(run: string): Play {
  const source = useSource();
  const [state, setState] = useState<PlayState>(nothing);
  const running = useRef<AbortController | null>(null);
  useEffect(() => () => running.current?.abort(), []);
  const ask = async (request: Omit<PlayRequest, 'run'>): Promise<void> => {
    running.current?.abort();
    const controller = new AbortController();
    running.current = controller;
    setState({ ...nothing, isRunning: true });
    try {
      for await (const event of source.play({ ...request, run }, controller.signal))
        setState((before) => after(before, event));
    } catch (error) {
      if (!controller.signal.aborted) setState((before) => ({ ...before, error: (error as Error).message }));
    } finally {
      if (running.current === controller) setState((before) => ({ ...before, isRunning: false }));
    }
  };
  return { ...state, ask: (request) => void ask(request), stop: () => running.current?.abort() };
}
