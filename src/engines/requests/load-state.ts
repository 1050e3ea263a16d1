import type { Learner } from '../engine.ts';

/** Loads a state, if one is given, and returns the engine; closes the engine if loading fails. */
export async function loaded<Opened extends AsyncDisposable & Pick<Learner, 'loadState'>>(
  engine: Opened,
  state: string | undefined,
): Promise<Opened> {
  if (state === undefined) return engine;
  try {
    await engine.loadState(state);
    return engine;
  } catch (error) {
    await engine[Symbol.asyncDispose]();
    throw error;
  }
}
