import { styleText } from 'node:util';
import type { TrainingEvent } from '../../training/events.ts';
import { type Canvas, drawScreen } from './draw-screen.ts';
import type { Footer } from './footer.ts';
import { screenStart, seeEvent } from './screen-state.ts';

/** Events that come many times a second, and the least time between two redraws for them. */
const passing = new Set<TrainingEvent['type']>(['roll', 'measure', 'evaluate']);
const frameMs = 100;

/**
 * The screen of a run on a terminal: call it with each event. What others write in between stands above the screen.
 *
 * @param past gives what is on record of a run that goes on; it is shown before anything new.
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
    if (!passing.has(event.type) || performance.now() - drawnMs >= frameMs) draw();
  };
  const recall = async (run: string): Promise<void> => {
    const late: TrainingEvent[] = (waiting = []);
    // A past that cannot be read leaves the curves short; the run goes on.
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
