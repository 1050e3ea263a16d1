import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { planMicrobatches, splitRows, tokenFeeds } from './microbatches.ts';

const sequencesOf = (lengths: readonly number[]) =>
  lengths.map((length, index) => ({ tokens: new Int32Array(length).map((_, t) => 100 * index + t) }));
const anyLengths = fc.array(fc.integer({ min: 1, max: 700 }), { minLength: 1, maxLength: 60 });
const rowsFor = (positions: number): number => Math.max(1, Math.floor(1024 / positions));

test('includes every sequence once, padded by at most an eighth plus seven positions', () => {
  fc.assert(
    fc.property(anyLengths, (lengths) => {
      const planned = planMicrobatches(sequencesOf(lengths), rowsFor);
      const seen = planned.flatMap(({ sequences }) => sequences);
      expect(seen.toSorted((a, b) => a - b)).toEqual([...lengths.keys()]);
      for (const { sequences, shape } of planned) {
        const longest = Math.max(...sequences.map((index) => lengths[index]! - 1));
        expect(sequences.length).toBe(shape.rows);
        expect(shape.rows).toBeLessThanOrEqual(rowsFor(shape.positions));
        expect(shape.positions).toBeGreaterThanOrEqual(longest);
        expect(shape.positions - longest).toBeLessThan(Math.max(9, longest / 8 + 1));
      }
    }),
  );
});

test('uses few different shapes over many batches of similar lengths', () => {
  const shapes = new Set<string>();
  for (let batch = 0; batch < 50; batch++) {
    const lengths = Array.from({ length: 64 }, (_, i) => 20 + ((i * 7 + batch * 13) % 40));
    for (const { shape } of planMicrobatches(sequencesOf(lengths), rowsFor))
      shapes.add(JSON.stringify(shape));
  }
  expect(shapes.size).toBeLessThan(25);
});

test('splitRows restores sequences from rows, shifted by one token', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 5 }), (lengths) => {
      const sequences = sequencesOf(lengths);
      const shape = { rows: lengths.length, positions: 10 };
      const { tokens, targets } = tokenFeeds(sequences, shape);
      const values = Float32Array.from(targets!);
      for (const [row, { tokens: own }] of sequences.entries()) {
        expect([...splitRows(values, sequences, shape)[row]!.subarray(1)]).toEqual([...own.subarray(1)]);
        expect([...tokens!.subarray(10 * row, 10 * row + own.length - 1)]).toEqual([...own.subarray(0, -1)]);
      }
    }),
  );
});
