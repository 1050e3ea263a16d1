import { styleText } from 'node:util';
import type { TrainingEvent } from '../../training/events.ts';
import { type Canvas, drawScreen } from './draw-screen.ts';
import type { Footer } from './footer.ts';
import { screenStart, seeEvent } from './screen-state.ts';

/** Frequent events, and the minimum time between redraws for these events. */
const frequent = new Set<TrainingEvent['type']>(['roll', 'measure', 'harvest', 'evaluate']);
const frameMs = 100;

/**
 * Creates the live screen of a run; call the returned function with each event. Other output appears above the screen.
 *
 * @param past returns the recorded events of a resumed run, which are shown before new ones.
 */
export function createLiveScreen(
  footer: Footer,
  past: (run: string) => AsyncIterable<TrainingEvent>,
  terminal = process.stderr,
): (event: TrainingEvent) => void {
  let state = screenStart;
  let drawnMs = -Infinity;
  let waiting: TrainingEvent[] | undefined;

  const draw = (): void => {
    const { columns, rows } = terminal;
    const paint: Canvas['paint'] = (style, text) => styleText(style, text, { stream: terminal });
    drawnMs = performance.now();
    footer.draw(drawScreen(state, { columns, rows, paint }));
  };
  const see = (event: TrainingEvent): void => {
    state = seeEvent(state, event);
    if (!frequent.has(event.type) || performance.now() - drawnMs >= frameMs) draw();
  };
  const recall = async (run: string): Promise<void> => {
    const late: TrainingEvent[] = (waiting = []);
    // Best effort: without the record the curves start at the current step.
    await fold(past(run)).catch(() => undefined);
    waiting = undefined;
    for (const event of late) see(event);
  };
  const fold = async (events: AsyncIterable<TrainingEvent>): Promise<void> => {
    for await (const event of events) state = seeEvent(state, event);
  };
  return (event) => {
    if (waiting !== undefined) waiting.push(event);
    else see(event);
    if (event.type === 'run-start' && event.step > 0) void recall(event.run);
  };
}
