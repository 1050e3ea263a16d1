import type { RunParent } from '../files/records.ts';
import type { RolloutPurpose } from '../files/records.ts';
import type { RunEnd } from '../files/records.ts';

/** Summary of a run. Times are ISO 8601. */
export interface RunSummary {
  readonly directory: string;
  /** Name of the run's folder, such as `demo-0001`. */
  readonly folder: string;
  /** Permanent id of the run, independent of its folder. */
  readonly id: string;
  readonly name: string;
  /** `running` only while a process has it open; a killed run is `interrupted`. */
  readonly status: 'running' | RunEnd;
  readonly reason: string | null;
  readonly seed: number;
  readonly recipeHash: string;
  readonly parent: RunParent | null;
  /** Number of optimizer steps recorded. */
  readonly step: number;
  /** Stage of the last recorded step; null before the first step. */
  readonly stage: string | null;
  readonly createdAt: string;
  readonly endedAt: string | null;
  /** When the last step was recorded; null before the first step. */
  readonly updatedAt: string | null;
}

/** One process that wrote to a run. */
export interface RunSession {
  readonly pid: number;
  readonly host: string;
  readonly platform: string;
  readonly packageVersion: string;
  readonly gitCommit: string | null;
  /** Value passed to `Run.recordEngine`. */
  readonly engine: unknown;
  /** The step from which it continued; 0: the start of the run. */
  readonly resumedStep: number;
  /** One sentence per damaged checkpoint that was skipped. */
  readonly skipped: readonly string[];
  readonly startedAt: string;
  /** When the process closed the run; `null` if it is still writing or was killed. */
  readonly endedAt: string | null;
}

/** One metric over steps; `values[i]` belongs to `steps[i]`. */
export interface MetricSeries {
  readonly steps: Float64Array;
  readonly values: Float64Array;
}

/** Summary of one problem's rollouts at one point of the run, and their position in a shard. */
export interface GroupRow {
  readonly id: number;
  readonly file: string;
  /** Index of the first row in the shard; the group has `rollouts` rows. */
  readonly firstRow: number;
  readonly step: number;
  readonly stage: string;
  readonly purpose: RolloutPurpose;
  readonly problemId: string;
  readonly domain: string;
  readonly family: string | null;
  readonly knob: number | null;
  readonly level: string | null;
  readonly policyVersion: number;
  readonly rollouts: number;
  /** Number of gradable rollouts; together with `correct`, an observation of the pass rate. */
  readonly trials: number;
  readonly correct: number;
  readonly meanScore: number | null;
  readonly meanReward: number | null;
  /** Mean number of tokens written per rollout. */
  readonly meanTokens: number;
}

/** Filter for groups; a missing condition matches every group. */
export interface GroupQuery {
  readonly step?: number;
  readonly stage?: string;
  readonly purpose?: RolloutPurpose;
  readonly problemId?: string;
  /** Maximum number of groups to return. */
  readonly limit?: number;
  /** Number of groups to skip first. */
  readonly offset?: number;
}

/** A row as returned by SQLite. */
export type Row = Readonly<Record<string, unknown>>;

/** Converts a row of `sessions`. */
export function sessionView(row: Row): RunSession {
  return {
    pid: Number(row['pid']),
    host: String(row['host']),
    platform: String(row['platform']),
    packageVersion: String(row['package_version']),
    gitCommit: textOrNull(row['git_commit']),
    engine: fromJson(row['engine']),
    resumedStep: Number(row['resumed_step']),
    skipped: fromJson(row['skipped']) as string[],
    startedAt: String(row['started_at']),
    endedAt: textOrNull(row['ended_at']),
  };
}

/** Converts a row of `groups` that is joined with its shard's file name. */
export function groupView(row: Row): GroupRow {
  return {
    id: Number(row['id']),
    file: String(row['file']),
    firstRow: Number(row['first_row']),
    step: Number(row['step']),
    stage: String(row['stage']),
    purpose: String(row['purpose']) as RolloutPurpose,
    problemId: String(row['problem_id']),
    domain: String(row['domain']),
    family: textOrNull(row['family']),
    knob: numberOrNull(row['knob']),
    level: textOrNull(row['level']),
    policyVersion: Number(row['policy_version']),
    rollouts: Number(row['rollouts']),
    trials: Number(row['trials']),
    correct: Number(row['correct']),
    meanScore: numberOrNull(row['mean_score']),
    meanReward: numberOrNull(row['mean_reward']),
    meanTokens: Number(row['mean_tokens']),
  };
}

/** Reads a text column that may be NULL. */
export function textOrNull(value: unknown): string | null {
  return typeof value === 'string' ? value : null;
}

function numberOrNull(value: unknown): number | null {
  return typeof value === 'number' ? value : null;
}

/** Parses a JSON column that may be NULL. */
export function fromJson(value: unknown): unknown {
  return typeof value === 'string' ? (JSON.parse(value) as unknown) : null;
}
