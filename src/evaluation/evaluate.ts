import { banditOf } from '../core/bandit/bandit.ts';
import { type BanditEpisode, episodeOf } from '../core/bandit/regret.ts';
import { DataError } from '../core/errors.ts';
import type { Problem } from '../core/problem.ts';
import type { SourceRecord } from '../core/source-record.ts';
import type { RolloutGroup } from '../core/rollout.ts';
import type { Engine } from '../engines/engine.ts';
import type { PendingWork } from '../rollout/pending.ts';
import type { Environments } from '../environments/environment.ts';
import { rollGroups, withEnvironments } from '../rollout/roll-groups.ts';
import type { StepScorer } from '../verifiers/step-scorer.ts';
import type { Verifier } from '../verifiers/verifier.ts';
import { resultOf, type ProblemResult } from './problem-result.ts';
import { greedyRobustness, type Robustness, sampledRobustness } from './wordings/robustness.ts';
import type { SuiteConfig } from '../recipe/suite.ts';
import { type Exploration, exploration } from './exploration/exploration.ts';
import { evaluateStrategies } from './strategies/evaluate-strategies.ts';
import type { StrategyReport } from './strategies/strategy-report.ts';
import { summarise, summariseBy, type Summary } from './summary.ts';
import { wordedProblems, wordingResults } from './wordings/worded-problems.ts';

/** A model's evaluation, with everything needed to reproduce or check it. JSON-safe. */
export interface Evaluation {
  readonly suite: string;
  readonly sampling: Pick<SuiteConfig, 'rollouts' | 'temperature' | 'topP' | 'maxTokens' | 'greedy'>;
  readonly seed: number;
  /** Files from which the problems were read; absent if not recorded. */
  readonly sources?: readonly SourceRecord[];
  /** `name@version` of every verifier used. */
  readonly verifiers: readonly string[];
  readonly model: { readonly name: string; readonly hash: string; readonly policyVersion: number };
  readonly overall: Summary;
  readonly byDomain: Readonly<Record<string, Summary>>;
  readonly byFamily: Readonly<Record<string, Summary>>;
  readonly byLevel: Readonly<Record<string, Summary>>;
  readonly problems: readonly ProblemResult[];
  /** How much sampled and greedy results depend on the wording; absent unless the suite attempts other wordings. */
  readonly robustness?: { readonly sampled?: Robustness; readonly greedy?: Robustness };
  /** Strategies compared on the same problems; absent unless the suite lists some. */
  readonly strategies?: StrategyReport;
  /** How the policy explored; absent if the suite has no bandits. */
  readonly exploration?: Exploration;
}

/** Options of an evaluation. */
export interface EvaluateOptions {
  readonly engine: Pick<Engine, 'sampler' | 'weights' | 'renderer'>;
  readonly verifierFor: (problem: Problem) => Verifier;
  /** Environments that answer the policy, unless the suite is closed-book. */
  readonly environments?: Environments | undefined;
  readonly problems: readonly Problem[];
  /** Files from which the problems were read, to be recorded. */
  readonly sources?: readonly SourceRecord[];
  readonly suite: SuiteConfig;
  /** The same seed gives the same attempts; use one seed before and after training. */
  readonly seed: number;
  /** Levels of a problem, if difficulty was measured. */
  readonly levelsOf?: (problem: Problem) => readonly string[];
  /** Scores steps for strategies; default: the scorer of the suite. */
  readonly scorer?: StepScorer;
  /** Folder against which relative paths in the suite's scorer are resolved. Default: the working directory. */
  readonly baseDir?: string | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Tracks unfinished work by name, for a watchdog. */
  readonly pending?: PendingWork;
  /** Called once with the sampled groups for the problems' original prompts, in problem order, e.g. to store them. */
  readonly onSampled?: (groups: readonly RolloutGroup[]) => Promise<void>;
  /** Called after each finished group; counts sampled and greedy groups together. */
  readonly onProgress?: (done: number, total: number) => void;
}

/**
 * Samples every problem of a suite, judges the completions, and summarises the results.
 *
 * @example
 * const before = await evaluate({ engine, verifierFor, problems: heldOut, suite, seed: 0 });
 * console.log(formatEvaluation(before));
 * @throws DataError if there are no problems, or if the suite sets `wordings` and no problem has another wording;
 * ConfigError for strategies without a scorer.
 */
export async function evaluate(options: EvaluateOptions): Promise<Evaluation> {
  const { engine, problems, suite, seed } = options;
  if (problems.length === 0) {
    throw new DataError(`suite ${suite.name}: expected at least one problem to evaluate on, got none`);
  }
  const { rollouts, temperature, topP, maxTokens, greedy } = suite;
  const { model, modelHash } = engine.sampler.info;
  const all = [...problems, ...(suite.wordings === true ? wordedProblems(problems, suite.name) : [])];
  const progress = createProgress(options, all.length);
  const sampled = await roll(options, all, { rollouts, temperature, topP }, progress);
  await options.onSampled?.(problems.map(({ id }) => sampled.get(id)!));
  const sure = greedy ? await roll(options, all, { rollouts: 1, temperature: 0 }, progress) : new Map();
  const strategies = suite.strategies === undefined ? undefined : await evaluateStrategies(options);
  const episodes = episodesOf(options, [...sampled.values()]);
  const results = problems.map((problem) => ({
    ...resultOf(sampled.get(problem.id)!, sure.get(problem.id), options.levelsOf),
    ...(suite.wordings === true && { wordings: wordingResults(problem, sampled, sure) }),
  }));
  return {
    suite: suite.name,
    sampling: { rollouts, temperature, topP, maxTokens, greedy },
    seed,
    ...(options.sources === undefined ? {} : { sources: options.sources }),
    verifiers: verifierNames(options),
    model: { name: model, hash: modelHash, policyVersion: engine.weights?.policyVersion ?? 0 },
    overall: summarise(results, seed),
    byDomain: summariseBy(results, ({ domain }) => [domain], seed),
    byFamily: summariseBy(results, ({ family }) => (family === undefined ? [] : [family]), seed),
    byLevel: summariseBy(results, ({ levels }) => levels ?? [], seed),
    problems: results,
    ...(suite.wordings === true && { robustness: robustnessOf(results, seed) }),
    ...(strategies !== undefined && { strategies }),
    ...(episodes.length > 0 && { exploration: exploration(episodes) }),
  };
}

async function roll(
  { engine, verifierFor, environments, pending, suite, seed, signal }: EvaluateOptions,
  problems: readonly Problem[],
  sampling: { readonly rollouts: number; readonly temperature: number; readonly topP?: number },
  onGroup: () => void,
): Promise<Map<string, RolloutGroup>> {
  const byId = new Map<string, RolloutGroup>();
  const request = { problems, maxTokens: suite.maxTokens, seed, ...sampling };
  const parts = withEnvironments({ engine, verifierFor, environments, pending }, suite);
  for await (const group of rollGroups(parts, request, signal)) {
    byId.set(group.problem.id, group);
    onGroup();
  }
  return byId;
}

/** Returns the bandit episodes of the judged attempts. */
const episodesOf = (options: EvaluateOptions, groups: readonly RolloutGroup[]): BanditEpisode[] => {
  const { environments } = withEnvironments(options, options.suite);
  return groups
    .filter(({ problem }) => environments?.of(problem)?.name === 'bandit')
    .flatMap(({ problem, rollouts }) =>
      rollouts
        .filter(({ verdict }) => verdict.outcome !== 'ungradable')
        .map(({ transcripts }) => episodeOf(banditOf(problem), transcripts.at(-1)!)),
    );
};

function robustnessOf(
  results: readonly ProblemResult[],
  seed: number,
): NonNullable<Evaluation['robustness']> {
  const [sampled, greedy] = [sampledRobustness(results, seed), greedyRobustness(results, seed)];
  return { ...(sampled && { sampled }), ...(greedy && { greedy }) };
}

function createProgress({ suite, onProgress }: EvaluateOptions, prompts: number): () => void {
  const total = prompts * (suite.greedy ? 2 : 1);
  let done = 0;
  return () => onProgress?.(++done, total);
}

function verifierNames({ problems, verifierFor }: EvaluateOptions): string[] {
  const verifiers = new Set(problems.map(verifierFor));
  return Array.from(verifiers, ({ name, version }) => `${name}@${version}`).toSorted();
}
