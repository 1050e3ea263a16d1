import { expect, test } from 'vitest';
import { modelScorer } from '../scorers/model-scorer.ts';
import { beam, bestOfN, majority } from '../rollout/strategies/strategy-config.ts';
import { describeStrategies, strategyBounds } from './strategy-arithmetic.ts';
import { suiteConfig } from './suite.ts';

const config = suiteConfig.parse({
  name: 'held-out',
  maxTokens: 100,
  strategies: [majority(), bestOfN(), beam({ width: 4 })],
  budgets: [4, 16],
  scorer: modelScorer({ model: 'models/scorer' }),
});

test('bounds independent answers by the largest budget, and searches by the sum of all budgets', () => {
  expect(strategyBounds(config)).toEqual({ written: 100 * (16 + 16 + 16 + 20), scored: 100 * (16 + 20) });
});

test('describes the tokens of a suite with strategies, and returns nothing for a suite without strategies', () => {
  expect(describeStrategies(config, 500)).toEqual([
    'suite held-out, strategies majority, best-of-n, beam(4) at N 4, 16: tokens written ≤ 0.0068M per problem = ≤ 3.4M; ' +
      'read by the scorer (model) ≤ 0.0036M per problem = ≤ 1.8M, prompts not counted',
  ]);
  expect(describeStrategies(suiteConfig.parse({ name: 'plain', maxTokens: 9 }), 500)).toEqual([]);
});
