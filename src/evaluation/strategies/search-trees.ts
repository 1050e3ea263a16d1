import { hashKey } from '../../core/rng.ts';
import type { Outcome } from '../../core/verdict.ts';
import { bins } from '../../difficulty/bins.ts';
import type { SearchRecord } from '../../rollout/strategies/step-search.ts';
import { strategyName } from '../../rollout/strategies/strategy-config.ts';
import type { BinnedProblem } from './choose-by-bin.ts';
import type { StrategyRun } from './run-strategies.ts';

/** One step of a recorded search. JSON-safe. */
export interface TreeNode {
  /** Index of the parent in the tree's `nodes`; −1 for a first step. */
  readonly parent: number;
  /** Text of the step, truncated to 200 characters. */
  readonly text: string;
  readonly tokens: number;
  /** Score in [0, 1], rounded to three decimals; null if the step was not scored. */
  readonly score: number | null;
  readonly fate: 'kept' | 'pruned' | 'finished';
  /** Verdict of the answer that ends here; absent for other steps. */
  readonly outcome?: Outcome;
}

/** The search for one problem's answer. JSON-safe. */
export interface SearchTree {
  readonly problemId: string;
  /** E.g. `beam(4)`. */
  readonly strategy: string;
  /** Budget N: number of answers. */
  readonly budget: number;
  readonly written: number;
  readonly scored: number;
  /** Steps in the order in which they were written, so that parents precede children. */
  readonly nodes: readonly TreeNode[];
}

/** Number of problems per bin whose trees are kept, so that an evaluation record stays below a few hundred kB. */
const treesPerBin = 2;
const longestText = 200;

/**
 * Returns the search trees of a few problems of each bin, chosen by hash, so that results do not influence the choice.
 */
export function searchTrees(runs: readonly StrategyRun[], judged: readonly BinnedProblem[]): SearchTree[] {
  const keyOf = ({ id }: BinnedProblem): number => hashKey('search tree', id);
  const shown = bins.flatMap((bin) =>
    judged
      .filter((problem) => problem.bin === bin)
      .toSorted((a, b) => keyOf(a) - keyOf(b) || a.place - b.place)
      .slice(0, treesPerBin),
  );
  return runs.flatMap(({ strategy, budget, searches, answers }) =>
    shown.flatMap(({ place }): SearchTree[] => {
      const record = searches?.[place];
      if (record === undefined) return [];
      const outcomes = new Map(
        answers[place]!.map(({ index, verdict }) => [record.answers[index]!, verdict.outcome]),
      );
      const { problemId, written, scored } = record;
      const nodes = nodesOf(record, outcomes);
      return [{ problemId, strategy: strategyName(strategy), budget, written, scored, nodes }];
    }),
  );
}

function nodesOf({ steps }: SearchRecord, outcomes: ReadonlyMap<string, Outcome>): TreeNode[] {
  const places = new Map(steps.map(({ path }, place) => [path, place]));
  return steps.map(({ path, text, tokens, score, fate }) => {
    const outcome = outcomes.get(path);
    return {
      parent: places.get(path.slice(0, Math.max(0, path.lastIndexOf('.')))) ?? -1,
      text: text.slice(0, longestText),
      tokens,
      score: score === null ? null : Math.round(1000 * score) / 1000,
      fate,
      ...(outcome !== undefined && { outcome }),
    };
  });
}
