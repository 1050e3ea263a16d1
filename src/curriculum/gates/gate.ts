/** Input of a gate: a finished group without its ungradable rollouts. */
export interface GroupSummary {
  readonly problemId: string;
  /** One reward per gradable rollout. */
  readonly rewards: readonly number[];
  /** Number of these rollouts that hit the token limit. */
  readonly truncated: number;
  /** True if every rollout in the loss has advantage 0; see `ScoredGroup` in algorithms. */
  readonly isZeroAdvantage: boolean;
}

/** Decision of a gate. A rejection has a one-sentence reason. */
export type Admission =
  | { readonly admitted: true }
  | { readonly admitted: false; readonly gate: string; readonly reason: string };

/** Decides whether the policy trains on a finished group; samplers choose the problems. */
export interface Gate {
  readonly name: string;
  admit(group: GroupSummary): Admission;
}
