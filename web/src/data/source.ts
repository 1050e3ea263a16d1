import type { Annotations } from '../../../src/runs/files/annotations.ts';
import type { TrashedRun } from '../../../src/services/dashboard/edit-routes.ts';
import type { Change } from '../../../src/services/dashboard/watch-runs.ts';
import type { PlayEvent, PlayModel, PlayRequest } from '../../../src/services/dashboard/play.ts';
import type { AnswersQuery, AnswersView } from '../../../src/services/dashboard/views/texts/answers.ts';
import type { RunComparisonView } from '../../../src/services/dashboard/views/comparison.ts';
import type { CurriculumView } from '../../../src/services/dashboard/views/curriculum.ts';
import type { Differences } from '../../../src/services/dashboard/views/rollouts/differences.ts';
import type { Facets } from '../../../src/services/dashboard/views/rollouts/facets.ts';
import type { GroupDetail } from '../../../src/services/dashboard/views/rollouts/group-detail.ts';
import type { Group, GroupsQuery } from '../../../src/services/dashboard/views/rollouts/groups.ts';
import type { LevelCell, LevelsQuery } from '../../../src/services/dashboard/views/levels.ts';
import type { MetricSeriesByName } from '../../../src/services/dashboard/views/metric-series.ts';
import type { NotesQuery, RunNote } from '../../../src/services/dashboard/views/notes.ts';
import type { RunOutcome } from '../../../src/services/dashboard/views/outcome.ts';
import type { Prompts } from '../../../src/services/dashboard/views/texts/prompts.ts';
import type { ProblemDetail } from '../../../src/services/dashboard/views/rollouts/problem.ts';
import type { ProblemRow, ProblemsQuery } from '../../../src/services/dashboard/views/rollouts/problems.ts';
import type { Page } from '../../../src/services/dashboard/views/page.ts';
import type { ProgressView } from '../../../src/services/dashboard/views/progress.ts';
import type { RolloutLine, RolloutsQuery } from '../../../src/services/dashboard/views/rollouts/rollouts.ts';
import type { RunDetail } from '../../../src/services/dashboard/views/run-detail.ts';
import type { RunListItem } from '../../../src/services/dashboard/views/run-list.ts';
import type { SearchQuery, SearchView } from '../../../src/services/dashboard/views/texts/search.ts';
import type { StrategiesView } from '../../../src/services/dashboard/views/strategies.ts';
import type { SeedsView } from '../../../src/services/dashboard/views/seeds.ts';

/** Range of steps, and maximum number of points per metric. */
export interface StepRange {
  readonly from?: number;
  readonly to?: number;
  readonly points?: number;
}

/** The data of the pages: from a dashboard, or embedded in an exported page. */
export interface DataSource {
  /** False for an exported page, which can neither search nor change anything. */
  readonly isServed: boolean;
  runs(): Promise<readonly RunListItem[]>;
  run(folder: string): Promise<RunDetail>;
  outcome(folder: string): Promise<RunOutcome>;
  /** Events, newest first. */
  notes(folder: string, query?: NotesQuery): Promise<Page<RunNote>>;
  metrics(folder: string, names: readonly string[], range?: StepRange): Promise<MetricSeriesByName>;
  /** Rollouts, tokens and seconds spent up to each step. */
  progress(folder: string): Promise<ProgressView>;
  facets(folder: string): Promise<Facets>;
  differences(folder: string): Promise<Differences>;
  groups(folder: string, query: GroupsQuery): Promise<Page<Group>>;
  rollouts(folder: string, query: RolloutsQuery): Promise<Page<RolloutLine>>;
  group(folder: string, id: number): Promise<GroupDetail>;
  problems(folder: string, query: ProblemsQuery): Promise<Page<ProblemRow>>;
  problem(folder: string, id: string): Promise<ProblemDetail>;
  /** The beginning of each prompt, by problem id. */
  prompts(folder: string, ids: readonly string[]): Promise<Prompts>;
  search(folder: string, query: SearchQuery): Promise<SearchView>;
  answers(folder: string, query: AnswersQuery): Promise<AnswersView>;
  levels(folder: string, query?: LevelsQuery): Promise<readonly LevelCell[]>;
  curriculum(folder: string): Promise<CurriculumView>;
  strategies(folder: string): Promise<StrategiesView>;
  compare(before: string, after: string): Promise<RunComparisonView>;
  compareSeeds(before: readonly string[], after: readonly string[]): Promise<SeedsView>;
  /** Replaces the title, the tags and the note of a run. */
  annotate(folder: string, annotations: Annotations): Promise<void>;
  trash(): Promise<readonly TrashedRun[]>;
  moveToTrash(folder: string): Promise<void>;
  restore(folder: string): Promise<void>;
  models(folder: string): Promise<readonly PlayModel[]>;
  play(request: PlayRequest, signal: AbortSignal): AsyncIterable<PlayEvent>;
  /**
   * Calls `onChange` with the runs to reload. It is not called again before its promise resolves and a pause has passed.
   * Returns the function that unsubscribes.
   */
  subscribe(onChange: (change: Change) => Promise<void>): () => void;
  /** Returns one phrase for each part that an exported page lacks; empty for a dashboard. */
  omitted(folder: string): readonly string[];
}
