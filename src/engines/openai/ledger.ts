import { addSpending, costOf, noSpending, type Spending } from '../../core/spending.ts';
import type { Usage } from './answer.ts';
import type { OpenaiConfig } from './config.ts';

/** Sums usage and cost, and compares them with the budget. */
export interface Ledger {
  add(usage: Usage): void;
  /** Returns the spending since the engine was opened. */
  total(): Spending;
  /** Counts earlier spending against the budget. */
  carryOver(before: Spending): void;
  /** Describes the limit that has been reached; undefined if none has. */
  spent(): string | undefined;
}

/** Creates a ledger with the prices and the budget from a config. */
export function createLedger({ prices, budget }: Pick<OpenaiConfig, 'prices' | 'budget'>): Ledger {
  const nothing: Spending = prices === undefined ? noSpending : { ...noSpending, cost: 0 };
  let own = nothing;
  let before = nothing;
  return {
    add: (usage) => {
      const cost = prices === undefined ? {} : { cost: costOf(usage, prices) };
      own = addSpending(own, { requests: 1, ...usage, ...cost });
    },
    total: () => own,
    carryOver: (earlier) => {
      before = earlier;
    },
    spent: () => {
      const { promptTokens, completionTokens, cost = 0 } = addSpending(before, own);
      const tokens = promptTokens + completionTokens;
      const { maxTokens = Infinity, maxCost = Infinity } = budget;
      if (tokens >= maxTokens) return `${tokens} of maxTokens ${maxTokens}`;
      if (cost >= maxCost) return `${Number(cost.toPrecision(4))} of maxCost ${maxCost}`;
      return undefined;
    },
  };
}
