import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { UniformStream } from './uniform-stream.ts';

test('covers every index once per epoch', () => {
  const stream = new UniformStream(12, 7);
  for (let epoch = 0; epoch < 3; epoch++) {
    const taken = [5, 4, 3].flatMap((count) => stream.take(count, new Set()));
    expect(taken.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 12 }, (_, index) => index));
  }
});

test('defers an excluded index to the next call, and continues from a saved state', () => {
  const call = fc.record({ count: fc.integer({ min: 0, max: 12 }), excluded: fc.array(fc.nat(9)) });
  fc.assert(
    fc.property(fc.array(call, { maxLength: 30 }), fc.nat(30), fc.integer(), (calls, stop, seed) => {
      const whole = new UniformStream(10, seed);
      const counts = new Map<number, number>();
      let [second, stopped] = [new UniformStream(10, seed), false];
      for (const [at, { count, excluded }] of calls.entries()) {
        if (at === stop) {
          const restored = new UniformStream(10, seed);
          restored.restore(JSON.parse(JSON.stringify(second.save())));
          [second, stopped] = [restored, true];
        }
        const taken = whole.take(count, new Set(excluded));
        expect(taken).toEqual(second.take(count, new Set(excluded)));
        expect(taken).toHaveLength(Math.min(count, 10 - new Set(excluded).size));
        expect(taken.filter((index) => excluded.includes(index))).toEqual([]);
        expect(new Set(taken).size).toBe(taken.length);
        for (const index of taken) counts.set(index, (counts.get(index) ?? 0) + 1);
      }
      expect(stopped).toBe(stop < calls.length);
      // Each index appears at most once per epoch begun.
      for (const count of counts.values()) expect(count).toBeLessThanOrEqual(Math.floor(whole.epochs) + 1);
    }),
  );
});
