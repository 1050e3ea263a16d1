import { expect, test } from 'vitest';
import type { ScoredGroup } from '../../algorithms/scored-group.ts';
import type { Verdict } from '../../core/verdict.ts';
import { mathProblem } from '../../testing/problems.ts';
import { singleTurn } from '../../testing/single-turn.ts';
import { rolloutMetrics } from './step-metrics.ts';

const transcripts = [
  singleTurn({ promptTokens: new Int32Array(1), tokens: new Int32Array(1), text: '', finishReason: 'stop' }),
];

type Judged = Pick<Verdict, 'outcome' | 'evidence'>;

/** Creates a group with these verdicts. */
const group = (verdicts: readonly Judged[]): ScoredGroup =>
  ({
    problem: mathProblem({ id: 'p', answer: '0.5' }),
    isZeroAdvantage: true,
    scored: [],
    rollouts: verdicts.map((verdict) => ({ transcripts, verdict })),
  }) as unknown as ScoredGroup;

const accepted = (rule: string, extracted: string): Judged => ({
  outcome: 'correct',
  evidence: { rule, gold: '0.5', extracted },
});

test("measures the share of correct answers in a form other than the gold's", () => {
  const verdicts: Judged[] = [
    accepted('same form', '0.5'),
    accepted('same form', '0.5 '),
    accepted('same value exactly', '1/2'),
    { outcome: 'incorrect', evidence: { rule: 'no rule makes them equal', gold: '0.5', extracted: '2' } },
  ];
  expect(rolloutMetrics([group(verdicts)])['verdict/otherForm']).toBe(1 / 3);
});

test('omits the share if no correct verdict names a rule', () => {
  expect(rolloutMetrics([group([{ outcome: 'incorrect' }])])).not.toHaveProperty(['verdict/otherForm']);
});
