import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { checkpointConfig, checkpoints, outdatedCheckpoints, type Retention } from './checkpoint.ts';

const keep: Retention = { keepLast: 2, keepStageEnds: true, keepBest: false };
const plain = (id: number) => ({ id, isStageEnd: false, score: null });

test('keeps the newest checkpoints, those at stage ends, and the earliest with the best score', () => {
  const all = [
    { ...plain(1), score: 0.1 },
    { ...plain(2), isStageEnd: true },
    { ...plain(3), score: 0.7 },
    { ...plain(4), score: 0.7 },
    plain(5),
    plain(6),
  ];
  expect(outdatedCheckpoints(all, keep)).toEqual([1, 3, 4]);
  expect(outdatedCheckpoints(all, { ...keep, keepBest: true })).toEqual([1, 4]);
  expect(outdatedCheckpoints(all, { ...keep, keepStageEnds: false, keepLast: 5 })).toEqual([1]);
});

test('never drops the newest checkpoint or a stage end, and keeps no more than configured', () => {
  const facts = fc.array(
    fc.record({ isStageEnd: fc.boolean(), score: fc.option(fc.double({ noNaN: true })) }),
    {
      minLength: 1,
      maxLength: 12,
    },
  );
  fc.assert(
    fc.property(facts, fc.integer({ min: 1, max: 5 }), fc.boolean(), (list, keepLast, keepBest) => {
      const all = list.map((each, index) => ({ id: index + 1, ...each }));
      const dropped = new Set(outdatedCheckpoints(all, { keepLast, keepStageEnds: true, keepBest }));
      const kept = all.filter(({ id }) => !dropped.has(id));
      expect(kept.slice(-Math.min(keepLast, all.length))).toEqual(all.slice(-keepLast));
      expect(all.filter(({ id, isStageEnd }) => isStageEnd && dropped.has(id))).toEqual([]);
      expect(kept.filter(({ isStageEnd }) => !isStageEnd).length).toBeLessThanOrEqual(
        keepLast + Number(keepBest),
      );
    }),
  );
});

test('fills defaults in the schema, not in the builder', () => {
  expect(checkpoints({ everySteps: 5 })).toEqual({ type: 'checkpoints', everySteps: 5 });
  expect(checkpointConfig.parse(checkpoints())).toEqual({
    type: 'checkpoints',
    everySteps: 50,
    keepLast: 2,
    keepStageEnds: true,
    keepBest: false,
  });
  expect(checkpointConfig.safeParse({ type: 'checkpoints', keepLast: 0 }).success).toBe(false);
});
