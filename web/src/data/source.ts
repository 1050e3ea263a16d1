import type { Outcome } from '../../../src/core/verdict.ts';

/** A run in the list. Times are ISO 8601. */
export interface RunHead {
  readonly folder: string;
  readonly name: string;
  readonly status: 'running' | 'finished' | 'failed' | 'interrupted';
  readonly reason: string | null;
  readonly seed: number;
  readonly recipeHash: string;
  readonly step: number;
  readonly stage: string | null;
  readonly createdAt: string;
  readonly updatedAt: string | null;
}

/** Something the run decided, in the order it happened. */
export interface RunNote {
  readonly step: number;
  readonly stage?: string;
  readonly type: string;
  readonly message: string;
}

/** A share in [0, 1] with its 95 % interval. */
export interface Share {
  readonly mean: number;
  readonly low: number;
  readonly high: number;
}

/** One measurement on held-out problems. */
export interface EvaluationPoint {
  readonly step: number;
  readonly name: string;
  readonly problems: number;
  readonly accuracy: Share;
}

/** What the pages of one run share. */
export interface RunDetail {
  readonly head: RunHead;
  readonly stages: readonly {
    readonly stage: string;
    readonly firstStep: number;
    readonly lastStep: number;
  }[];
  readonly events: readonly RunNote[];
  readonly evaluations: readonly EvaluationPoint[];
  readonly metricNames: readonly string[];
}

/** A metric over steps; index i of both arrays belongs together. */
export interface Series {
  readonly steps: readonly number[];
  readonly values: readonly number[];
}

/** One problem's rollouts at one step. */
export interface Group {
  readonly id: number;
  readonly step: number;
  readonly stage: string;
  readonly purpose: string;
  readonly problemId: string;
  readonly domain: string;
  readonly family: string | null;
  readonly knob: number | null;
  readonly level: string | null;
  readonly rollouts: number;
  readonly trials: number;
  readonly correct: number;
  readonly meanReward: number | null;
  /** Mean tokens written. */
  readonly meanTokens: number;
}

/** One judged attempt, with what is known of each of its tokens. */
export interface Attempt {
  readonly index: number;
  readonly prompt: readonly { readonly role: string; readonly content: string }[];
  readonly text: string;
  readonly answer: string | null;
  readonly outcome: Outcome;
  readonly score: number;
  readonly reward: number | null;
  readonly advantage: number | null;
  readonly reason: string;
  readonly verifier: string;
  readonly finishReason: string;
  readonly evidence: Readonly<Record<string, unknown>>;
  readonly tokens: readonly number[];
  readonly logprobs: readonly number[];
}

/** Pass rates of one kind of problem in one span of steps. */
export interface LevelCell {
  readonly level: string;
  readonly fromStep: number;
  readonly toStep: number;
  readonly correct: number;
  readonly trials: number;
}

/** Where the pages get everything from: today the page they were exported with. */
export interface DataSource {
  runs(): Promise<readonly RunHead[]>;
  run(folder: string): Promise<RunDetail>;
  metric(folder: string, name: string): Promise<Series>;
  groups(folder: string): Promise<readonly Group[]>;
  levels(folder: string): Promise<readonly LevelCell[]>;
  attempts(folder: string, group: number): Promise<readonly Attempt[]>;
}
