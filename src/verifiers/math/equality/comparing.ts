import type { Budget } from '../budget.ts';
import type { MathPolicy } from '../comparison-policy.ts';
import type { MathNode } from '../syntax.ts';

/** The context of one comparison: the policy, the step budget, and a function that compares two parts. */
export interface Comparing {
  readonly policy: MathPolicy;
  readonly budget: Budget;
  /** Compares two parts by all rules; returns the rule under which they are equal, or undefined. */
  equal(gold: MathNode, answer: MathNode): string | undefined;
}
