import { Writable } from 'node:stream';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Evaluation } from '../../evaluation/evaluate.ts';
import type { StepEvent, TrainingEvent } from '../../training/events.ts';
import { type Canvas, drawScreen } from './draw-screen.ts';
import { createFooter } from './footer.ts';
import { createLiveScreen } from './live-screen.ts';
import { screenStart, seeEvent } from './screen-state.ts';
import { sparkline } from './sparkline.ts';

const canvas = (columns = 100, rows = 40): Canvas => ({ columns, rows, paint: (_, text) => text });
const stages = [
  { name: 'easy', maxSteps: 10 },
  { name: 'hard', maxSteps: 30 },
];
const start: TrainingEvent = { type: 'run-start', run: 'runs/demo-0001', stages, step: 0 };

function step(number: number, more: Partial<StepEvent> = {}): StepEvent {
  return {
    type: 'step',
    step: number,
    stage: 'easy',
    stepInStage: number,
    maxSteps: 10,
    metrics: { 'reward/mean': number / 10, 'level/medium/passRate': 0.5, 'group/zeroAdvantage': 0.25 },
    timings: { 'time/rollout': 1.5, 'time/learn': 0.5 },
    verdicts: [{ problemId: 'sum-1', outcome: 'correct', reason: '4 is 4' }],
    ...more,
  };
}

const drawn = (events: readonly TrainingEvent[], on = canvas()): string[] =>
  drawScreen(events.reduce(seeEvent, screenStart), on);

test('scales a sparkline between its minimum and maximum', () => {
  expect(sparkline([0, 1, 2, 3], 4)).toBe('▁▃▆█');
  expect(sparkline([5, 5], 4)).toBe('▅▅');
  expect(sparkline([], 4)).toBe('');
  fc.assert(
    fc.property(
      fc.array(fc.float({ noNaN: true, noDefaultInfinity: true })),
      fc.integer({ min: 1, max: 80 }),
      (values, width) => {
        expect(sparkline(values, width)).toHaveLength(Math.min(values.length, width));
      },
    ),
  );
});

test('shows stage, step, an upper bound of the time left and the current activity', () => {
  const lines = drawn([start, step(1), step(2), { type: 'roll', step: 3, done: 64, total: 256 }]);
  // 38 of 40 steps are left, at 2 seconds each.
  expect(lines[0]).toBe('runs/demo-0001 · stage 1 of 2, easy · step 2 · at most 1 min 16 s of training left');
  expect(lines[2]).toMatch(/^step 3 +━+─+ 64\/256$/);
  const text = lines.join('\n');
  expect(text).toMatch(/^reward +0\.200 {2}▁█ {2}from 0\.100$/m);
  expect(text).toMatch(/^pass medium +0\.500/m);
  expect(text).toContain('✓ sum-1  4 is 4');
});

test('shows the alerts of the dashboard above the curves', () => {
  const dull = Array.from({ length: 12 }, (_, at) =>
    step(at + 1, { metrics: { 'rollout/count': 8, 'optim/loss': 0, 'group/zeroAdvantage': 0.9 } }),
  );
  const text = drawn([start, ...dull]).join('\n');
  expect(text).toMatch(/^! Nearly all groups are always or never solved/mu);
  expect(text.indexOf('! Nearly')).toBeLessThan(text.indexOf('no signal'));
  expect(drawn([start, step(1)]).join('\n')).not.toContain('!');
});

test('shows held-out accuracy beside its first value', () => {
  const evaluated = (at: number, mean: number): TrainingEvent => ({
    type: 'evaluated',
    step: at,
    evaluation: {
      suite: 'held-out',
      overall: { accuracy: { mean, low: mean - 0.02, high: mean + 0.02 } },
    } as Evaluation,
  });
  const text = drawn([start, evaluated(0, 0.2), step(1), evaluated(1, 0.4)]).join('\n');
  expect(text).toMatch(/^held-out +40\.0 % {2}\[38\.0 %, 42\.0 %\] after 1 steps, 20\.0 % after 0$/m);
});

test('fits every line into the terminal and removes control characters', () => {
  const word = fc.string({ unit: 'binary', maxLength: 60 });
  const size = fc.record({
    columns: fc.integer({ min: 40, max: 200 }),
    rows: fc.integer({ min: 1, max: 60 }),
  });
  fc.assert(
    fc.property(word, word, word, size, (run, stage, reason, { columns, rows }) => {
      const verdicts = [{ problemId: reason, outcome: 'incorrect' as const, reason }];
      const events: TrainingEvent[] = [
        { ...start, run, stages: [{ name: stage, maxSteps: 5 }, ...stages] },
        { type: 'stage-start', stage, message: reason },
        step(1, {
          stage,
          verdicts,
          metrics: { 'reward/mean': 0, [`reward/${stage}/mean`]: 1, 'reward/x/mean': 1 },
        }),
        { type: 'evaluate', suite: stage, done: 1, total: 3 },
      ];
      const lines = drawn(events, canvas(columns, rows));
      expect(lines.length).toBeLessThanOrEqual(Math.max(0, rows - 1));
      for (const line of lines) {
        expect([...line].length).toBeLessThanOrEqual(columns);
        expect(line).not.toMatch(/\p{Cc}/u);
      }
    }),
    { numRuns: 30 },
  );
});

/** Creates a terminal that records its output. */
function fakeTerminal(columns = 80) {
  const written: string[] = [];
  const stream = new Writable({
    write: (text, _encoding, done) => {
      written.push(String(text));
      done();
    },
  });
  const terminal = Object.assign(stream, { columns, rows: 24, isTTY: true });
  return { written, terminal: terminal as unknown as typeof process.stderr };
}

test('erases exactly the rows of the footer, even after the terminal became narrower', () => {
  const { written, terminal } = fakeTerminal();
  const footer = createFooter(terminal);
  footer.draw(['a'.repeat(80), 'b']);
  terminal.columns = 40;
  footer.draw(['c']);
  expect(written[1]).toContain('\u001b[2A\u001b[J');
  footer.clear();
  expect(written[2]).toBe('\r\u001b[J');
  footer.clear();
  expect(written).toHaveLength(3);
});

test('shows the recorded steps of a resumed run and keeps events that arrive in the meantime', async () => {
  const { written, terminal } = fakeTerminal();
  async function* past(): AsyncGenerator<TrainingEvent> {
    yield start;
    yield step(1);
    yield step(2);
  }
  const see = createLiveScreen(createFooter(terminal), past, terminal);
  see({ ...start, step: 2 });
  see(step(3));
  await new Promise((resolve) => setImmediate(resolve));
  expect(written.at(-1)).toContain('▁▅█');
  expect(written.at(-1)).toContain('from 0.100');
});
