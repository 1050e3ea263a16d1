import { armCount, meansAt } from '../../core/bandit/bandit.ts';
import { type BanditEpisode, randomRegretsOf, regretsOf } from '../../core/bandit/regret.ts';
import { DataError } from '../../core/errors.ts';
import { type Estimate, tInterval, wilsonInterval } from '../../statistics/intervals.ts';
import { mean, sum } from '../../statistics/summary.ts';

/**
 * How a player explored, averaged over its episodes. Read regret together with suffix failure: a player that locks in
 * early may have the same mean regret as a player that explores.
 */
export interface Exploration {
  readonly episodes: number;
  /** Mean expected regret per episode, with its 95 % t-interval over episodes. */
  readonly regret: Estimate;
  /** Mean regret of a player who chooses at random. */
  readonly randomRegret: number;
  /** Regret per turn in the last quarter, relative to that of a random player; 1 means no learning. */
  readonly lateRegret: Estimate;
  /**
   * Share of episodes whose second half contains no choice of the best arm (Krishnamurthy et al. 2024, arXiv
   * 2403.15371), with its 95 % Wilson interval.
   */
  readonly suffixFailure: Estimate;
  /** Share of arms tried at least once. */
  readonly coverage: number;
  /**
   * Number of arms × share of turns with the least chosen arm; 1 for a player who chooses all arms equally often.
   */
  readonly leastShare: number;
  /**
   * Among the choices made after every arm was tried, the share that picked an arm with the highest mean reward so far.
   * Absent if no choice was made after every arm was tried.
   */
  readonly greedyShare?: number;
  /** Share of turns in the first and in the second half that chose the best arm. */
  readonly bestShare: { readonly early: number; readonly late: number };
  /** Share of turns that were not played or whose choice could not be parsed. */
  readonly missing: number;
}

/**
 * Summarises the episodes of one player.
 * @throws DataError if there are no episodes.
 */
export function exploration(episodes: readonly BanditEpisode[]): Exploration {
  if (episodes.length === 0) throw new DataError('expected at least one episode of a bandit, got none');
  const played = episodes.map(describeEpisode);
  const failures = played.filter(({ suffixFailure }) => suffixFailure).length;
  const averageOf = (value: (one: EpisodeFacts) => number): number => mean(played.map(value));
  const greedy = sum(played.map((one) => one.greedy));
  const judged = sum(played.map((one) => one.judged));
  return {
    episodes: episodes.length,
    regret: tInterval(played.map(({ regret }) => regret)),
    randomRegret: averageOf(({ random }) => random),
    lateRegret: tInterval(played.map(({ late }) => late)),
    suffixFailure: { mean: failures / episodes.length, ...wilsonInterval(failures, episodes.length) },
    coverage: averageOf(({ coverage }) => coverage),
    leastShare: averageOf(({ leastShare }) => leastShare),
    ...(judged > 0 && { greedyShare: greedy / judged }),
    bestShare: {
      early: averageOf(({ bestEarly }) => bestEarly),
      late: averageOf(({ bestLate }) => bestLate),
    },
    missing: averageOf(({ missing }) => missing),
  };
}

type EpisodeFacts = ReturnType<typeof describeEpisode>;

function describeEpisode(episode: BanditEpisode) {
  const { bandit, choices } = episode;
  const { turns } = bandit;
  const regrets = regretsOf(episode);
  const random = randomRegretsOf(bandit);
  const quarter = Math.floor((3 * turns) / 4);
  const half = Math.floor(turns / 2);
  const isBest = Array.from({ length: turns }, (_, turn) => isBestArm(episode, turn));
  const counts = new Int32Array(armCount(bandit));
  for (const arm of choices) if (arm !== null) counts[arm]!++;
  const shareBest = (from: number, to: number): number =>
    isBest.slice(from, to).filter(Boolean).length / Math.max(1, to - from);
  return {
    regret: sum(regrets),
    random: sum(random),
    late: sum(regrets.subarray(quarter)) / sum(random.subarray(quarter)),
    suffixFailure: !isBest.slice(half).includes(true),
    coverage: counts.filter((count) => count > 0).length / counts.length,
    leastShare: (counts.length * Math.min(...counts)) / turns,
    bestEarly: shareBest(0, half),
    bestLate: shareBest(half, turns),
    missing: 1 - sum(counts) / turns,
    ...countGreedy(episode),
  };
}

function isBestArm({ bandit, choices }: BanditEpisode, turn: number): boolean {
  const arm = choices[turn] ?? null;
  const means = meansAt(bandit, turn);
  return arm !== null && means[arm] === Math.max(...means);
}

/**
 * Counts the choices made after every arm was tried, and how many of them picked an arm with the highest mean reward so
 * far.
 */
function countGreedy({ bandit, choices, rewards }: BanditEpisode): { judged: number; greedy: number } {
  const pulls = new Int32Array(armCount(bandit));
  const sums = new Float64Array(pulls.length);
  let judged = 0;
  let greedy = 0;
  for (const [turn, arm] of choices.entries()) {
    if (arm === null) continue;
    if (!pulls.includes(0)) {
      judged++;
      const means = sums.map((total, i) => total / pulls[i]!);
      if (means[arm]! >= Math.max(...means)) greedy++;
    }
    pulls[arm]!++;
    sums[arm]! += rewards[turn]!;
  }
  return { judged, greedy };
}
