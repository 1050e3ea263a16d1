import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { tInterval } from '../../../src/statistics/intervals.ts';
import { chartCsv } from './chart-csv.ts';
import { placeFlows } from './place-flows.ts';
import { seedBand } from './seed-band.ts';
import { smooth } from './smooth.ts';
import { rangeOf } from './step-range.ts';

test('smoothing keeps constants and stays within the range of the values so far', () => {
  fc.assert(
    fc.property(fc.array(fc.double({ min: -1e6, max: 1e6, noNaN: true }), { minLength: 1 }), (values) => {
      const smoothed = smooth(values);
      expect(smoothed).toHaveLength(values.length);
      smoothed.forEach((value, at) => {
        const seen = values.slice(0, at + 1);
        expect(value).toBeGreaterThanOrEqual(Math.min(...seen) - 1e-6);
        expect(value).toBeLessThanOrEqual(Math.max(...seen) + 1e-6);
      });
    }),
  );
  expect(smooth([2, 2, 2])).toEqual([2, 2, 2].map((value) => expect.closeTo(value, 12)));
});

test('reads a range of steps or a stage from the URL, and ignores invalid ranges', () => {
  const stages = [
    { stage: 'easy', firstStep: 1, lastStep: 60 },
    { stage: 'hard', firstStep: 61, lastStep: 100 },
  ];
  const rangeIn = (text: string) => rangeOf(new URLSearchParams(text), stages, 100);
  expect(rangeIn('')).toEqual({ from: 0, to: 100 });
  expect(rangeIn('stage=hard')).toEqual({ from: 61, to: 100 });
  expect(rangeIn('stage=hard&to=70')).toEqual({ from: 61, to: 70 });
  expect(rangeIn('from=7&to=9')).toEqual({ from: 7, to: 9 });
  for (const nonsense of ['from=9&to=7', 'from=-1', 'from=x', 'to=1e9', 'stage=none'])
    expect(rangeIn(nonsense)).toEqual({ from: 0, to: 100 });
  expect(rangeOf(new URLSearchParams(), [], 0)).toEqual({ from: 0, to: 1 });
});

test('places flows so that they fill their bars and stay in the plot area', () => {
  const level = fc.constantFrom('easy', 'learnable', 'hard', '');
  const flow = fc.record({ from: level, to: level, problems: fc.integer({ min: 1, max: 500 }) });
  fc.assert(
    fc.property(
      fc.uniqueArray(flow, { minLength: 1, selector: ({ from, to }) => `${from}>${to}` }),
      (flows) => {
        const named = flows.map((one) => ({ ...one, fromStage: 'a', toStage: 'b' }));
        const { nodes, ribbons } = placeFlows(named, { left: 0, right: 400, top: 20, bottom: 220, bar: 8 });
        expect(ribbons).toHaveLength(flows.length);
        for (const stage of ['a', 'b']) {
          const sum = nodes
            .filter((node) => node.stage === stage)
            .reduce((all, { problems }) => all + problems, 0);
          expect(sum).toBe(flows.reduce((all, { problems }) => all + problems, 0));
        }
        for (const { y, height } of nodes) expect(y >= 20 && y + height <= 220.001).toBe(true);
      },
    ),
  );
});

test('the band of seeds is the mean and t-interval at the steps that all seeds have', () => {
  const value = fc.double({ min: 0, max: 1, noNaN: true });
  const seeds = fc.array(fc.array(value, { minLength: 1, maxLength: 6 }), { minLength: 1, maxLength: 6 });
  fc.assert(
    fc.property(seeds, (lists) => {
      const parts = lists.map((values) => ({ steps: values.map((_, index) => 5 * index), values }));
      const band = seedBand('a', parts, [0, 1]);
      const shared = Math.min(...lists.map(({ length }) => length));
      expect(band.steps).toEqual(Array.from({ length: shared }, (_, index) => 5 * index));
      expect(band.parts).toBe(parts);
      expect(band.low === undefined).toBe(lists.length < 3);
      for (const at of band.steps.keys()) {
        const { mean, low, high } = tInterval(lists.map((values) => values[at]!));
        expect(band.values[at]).toBe(mean);
        expect(band.low?.[at] ?? Math.max(0, low)).toBe(Math.max(0, low));
        expect(band.high?.[at] ?? Math.min(1, high)).toBe(Math.min(1, high));
      }
    }),
  );
  expect(seedBand('none', [])).toMatchObject({ steps: [], values: [] });
});

test('writes names as text if a spreadsheet would evaluate or split them', () => {
  const names = ['=1+1', ' @sum', 'a;=1', 'b\t-1', 'say "c"', 'plain'];
  const series = names.map((name) => ({ name, steps: [1], values: [-0.5] }));
  expect(chartCsv(series, 'step').split('\r\n')).toEqual([
    'series,part,step,value,low,high',
    "'=1+1,,1,-0.5,,",
    "' @sum,,1,-0.5,,",
    '"a;=1",,1,-0.5,,',
    '"b\t-1",,1,-0.5,,',
    '"say ""c""",,1,-0.5,,',
    'plain,,1,-0.5,,',
    '',
  ]);
});
