import { expect, test } from 'vitest';
import { mathProblem } from '../../testing/index.ts';
import { formatPriorColumns, PriorEvidence } from './prior-evidence.ts';

async function* problemsOf(rates: readonly (number | undefined)[]) {
  for (const [at, successes] of rates.entries())
    yield mathProblem({
      id: `p${at}`,
      prompt: [{ role: 'user', content: `What is ${'9'.repeat(at + 1)} + 1, written as a number?` }],
      ...(successes !== undefined && { passRates: [{ model: 'm', successes, trials: 8 }] }),
    });
}

async function columnsOf(rates: readonly (number | undefined)[]) {
  const evidence = new PriorEvidence();
  for await (const _ of evidence.of(problemsOf(rates)));
  return evidence.columns();
}

test('correlates complexity with the pass rates stated in the data', async () => {
  const [complexity, words] = await columnsOf([8, 6, undefined, 4, 2, 0]);
  expect(complexity).toMatchObject({ name: 'complexity C (DID)', problems: 6 });
  expect(complexity!.spearman!.mean).toBe(-1);
  // Every text has the same number of words, so the column has no correlation.
  expect(words).toEqual({ name: 'number of words', problems: 6, low: 9, median: 9, high: 9 });
  expect(formatPriorColumns([complexity!, words!])).toMatch(
    /^complexity C \(DID\) +6 .*-1\.00 \(.* … .*\)$/mu,
  );
});

test('shows only quantiles if no pass rate is given, and no columns if there are no problems', async () => {
  const columns = await columnsOf([undefined, undefined]);
  expect(columns.every(({ spearman }) => spearman === undefined)).toBe(true);
  expect(formatPriorColumns(columns)).not.toContain('Spearman');
  expect(await columnsOf([])).toEqual([]);
});
