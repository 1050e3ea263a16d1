import type { Budget } from '../budget.ts';
import type { MathPolicy } from '../policy.ts';
import type { MathNode } from '../syntax.ts';

/** What every comparison needs besides the two answers: the policy, the purse, and a way to compare their parts. */
export interface Judge {
  readonly policy: MathPolicy;
  readonly budget: Budget;
  /** Compares two parts by all the rules; the rule under which they are equal, or nothing. */
  equal(gold: MathNode, answer: MathNode): string | undefined;
}
