/** What a gate needs to know of a finished group; ungradable rollouts are left out of it. */
export interface GroupSummary {
  readonly problemId: string;
  /** One reward per gradable rollout. */
  readonly rewards: readonly number[];
  /** How many of these rollouts hit the token limit. */
  readonly truncated: number;
  /** No rollout in the loss has an advantage other than 0; see `ScoredGroup` in algorithms. */
  readonly isZeroAdvantage: boolean;
}

/** A gate's answer. The reason is one sentence for people, given when the group is turned away. */
export type Admission =
  | { readonly admitted: true }
  | { readonly admitted: false; readonly gate: string; readonly reason: string };

/** Decides whether a finished group may be trained on. Choosing problems is the sampler's job, this is not. */
export interface Gate {
  readonly name: string;
  admit(group: GroupSummary): Admission;
}
