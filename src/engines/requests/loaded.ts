import type { Learner } from '../engine.ts';

/** The engine with a state loaded, or closed again where that fails. */
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
