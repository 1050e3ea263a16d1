import { expect, test } from 'vitest';
import { completionOf, loadAdversarial } from '../../../bench/math/cases.ts';
import { judgeUnder } from '../../../bench/math/judge.ts';

test('every adversarial pair of gold and answer gets its expected verdict', async () => {
  const judge = judgeUnder();
  const misjudged: string[] = [];
  for (const item of loadAdversarial()) {
    const { outcome, reason } = await judge(item.gold, completionOf(item));
    if ((outcome === 'correct') !== item.expected)
      misjudged.push(`${item.id}: ${item.gold} | ${item.pred}: ${reason}`);
  }
  expect(misjudged).toEqual([]);
});
