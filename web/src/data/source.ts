import type { Change } from '../../../src/server/changes.ts';
import type { PlayEvent, PlayModel, PlayRequest } from '../../../src/server/play.ts';
import type { RunComparisonView } from '../../../src/server/views/comparison.ts';
import type { CurriculumView } from '../../../src/server/views/curriculum.ts';
import type { Facets } from '../../../src/server/views/facets.ts';
import type { GroupDetail } from '../../../src/server/views/group-detail.ts';
import type { Group, GroupsQuery } from '../../../src/server/views/groups.ts';
import type { LevelCell, LevelsQuery } from '../../../src/server/views/levels.ts';
import type { MetricSeriesByName } from '../../../src/server/views/metric-series.ts';
import type { NotesQuery, RunNote } from '../../../src/server/views/notes.ts';
import type { ProblemDetail } from '../../../src/server/views/problem.ts';
import type { ProblemRow, ProblemsQuery } from '../../../src/server/views/problems.ts';
import type { Page } from '../../../src/server/views/page.ts';
import type { RolloutLine, RolloutsQuery } from '../../../src/server/views/rollouts.ts';
import type { RunDetail } from '../../../src/server/views/run-detail.ts';
import type { RunListItem } from '../../../src/server/views/run-list.ts';

/** Steps of which metrics are asked, and how many points at most. */
export interface StepRange {
  readonly from?: number;
  readonly to?: number;
  readonly points?: number;
}

/** Where the pages get everything from: a dashboard that is asked, or the page they were exported with. */
export interface DataSource {
  runs(): Promise<readonly RunListItem[]>;
  run(folder: string): Promise<RunDetail>;
  /** Everything that happened, newest first. */
  notes(folder: string, query?: NotesQuery): Promise<Page<RunNote>>;
  metrics(folder: string, names: readonly string[], range?: StepRange): Promise<MetricSeriesByName>;
  facets(folder: string): Promise<Facets>;
  groups(folder: string, query: GroupsQuery): Promise<Page<Group>>;
  rollouts(folder: string, query: RolloutsQuery): Promise<Page<RolloutLine>>;
  group(folder: string, id: number): Promise<GroupDetail>;
  problems(folder: string, query: ProblemsQuery): Promise<Page<ProblemRow>>;
  problem(folder: string, id: string): Promise<ProblemDetail>;
  levels(folder: string, query?: LevelsQuery): Promise<readonly LevelCell[]>;
  curriculum(folder: string): Promise<CurriculumView>;
  compare(before: string, after: string): Promise<RunComparisonView>;
  models(folder: string): Promise<readonly PlayModel[]>;
  play(request: PlayRequest, signal: AbortSignal): AsyncIterable<PlayEvent>;
  /**
   * Calls back whenever something should be asked again, until the returned function is called. The promise keeps once
   * it was: nothing is told before, and for a while after.
   */
  subscribe(onChange: (change: Change) => Promise<void>): () => void;
  /** A sentence for each thing that an exported page does not hold; empty for a dashboard. */
  omitted(folder: string): readonly string[];
}
