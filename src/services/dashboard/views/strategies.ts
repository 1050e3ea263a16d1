import * as z from 'zod';
import type { RunReader } from '../../../runs/reading/run-reader.ts';
import { type Share, shareSchema } from './evaluations.ts';

/** Accuracy of a strategy, and its mean cost per problem in tokens, written and scored. */
export interface StrategyPoint {
  readonly tokens: number;
  readonly accuracy: Share;
}

/** The results of a strategy at one budget of N answers. */
export interface BudgetPoint {
  readonly budget: number;
  readonly all: StrategyPoint;
  /** Results by bin, without empty bins. */
  readonly byBin: Readonly<Record<string, StrategyPoint>>;
}

/** The results of a strategy with one choice rule, at all its budgets. */
export interface StrategyLine {
  /** E.g. `best-of-n`, `beam(4)`, `majority`, `chosen by bin`. */
  readonly name: string;
  /** E.g. `last-max`; null for strategies without scores, and for the strategies chosen by bin. */
  readonly rule: string | null;
  /** Results in ascending order of budget. */
  readonly points: readonly BudgetPoint[];
}

/** Policies that use one strategy per bin, each chosen on one half of the problems. */
export interface ChosenPolicies {
  readonly budget: number;
  /** For each half, the strategy used in each bin, and the best single strategy. */
  readonly halves: readonly { readonly byBin: Readonly<Record<string, string>>; readonly single: string }[];
  /** Gain over the best single strategy, out of sample. */
  readonly gain: Share;
}

/** A link to a recorded search tree, which is shown with its group. */
export interface TreeLink {
  readonly problemId: string;
  /** The group of the same problem in the same evaluation; null if not recorded. */
  readonly group: number | null;
  readonly searches: number;
}

/** The comparison of strategies in one evaluation. */
export interface StrategyComparison {
  readonly step: number;
  readonly suite: string;
  /** Name of the step scorer; null if there is none. */
  readonly scorer: string | null;
  readonly bins: readonly { readonly bin: string; readonly problems: number }[];
  readonly lines: readonly StrategyLine[];
  /** Accuracy of a single answer. */
  readonly single: number;
  /** Share of problems with a correct answer among N, by budget N. */
  readonly limits: readonly { readonly budget: number; readonly share: number }[];
  readonly chosen: readonly ChosenPolicies[];
  readonly warnings: readonly string[];
  readonly trees: readonly TreeLink[];
}

/**
 * `GET /api/runs/:run/strategies`: one entry per evaluation that compares strategies, in the order in which they were
 * recorded.
 */
export type StrategiesView = readonly StrategyComparison[];

const numbers = z.record(z.string(), z.number());
const shares = z.record(z.string(), shareSchema);
const treeNode = z.object({
  parent: z.int(),
  text: z.string(),
  tokens: z.number(),
  score: z.number().nullable(),
  fate: z.enum(['kept', 'pruned', 'finished']),
  outcome: z.string().optional(),
});
const searchTree = z.object({
  problemId: z.string(),
  strategy: z.string(),
  budget: z.number(),
  written: z.number(),
  scored: z.number(),
  nodes: z.array(treeNode),
});
/**
 * The search for one problem's answer: its steps in the order in which they were written, each with the index of its
 * parent (−1 for a first step).
 */
export type ShownSearch = z.output<typeof searchTree>;

const report = z.object({
  scorer: z.string().optional(),
  bins: numbers,
  arms: z.array(
    z.object({
      name: z.string(),
      choice: z.string(),
      budget: z.number(),
      accuracy: shareSchema,
      byBin: shares,
      written: z.number(),
      scored: z.number(),
      writtenByBin: numbers,
      scoredByBin: numbers,
    }),
  ),
  oracle: numbers,
  single: z.number(),
  chosen: z.array(
    z.object({
      budget: z.number(),
      policies: z.array(z.record(z.string(), z.string())),
      fixed: z.array(z.string()),
      accuracy: shareSchema,
      byBin: shares,
      tokens: z.number(),
      tokensByBin: numbers,
      overFixed: shareSchema,
    }),
  ),
  trees: z.array(searchTree.pick({ problemId: true })),
  warnings: z.array(z.string()),
});
type Report = z.output<typeof report>;

/** Returns the comparisons of strategies in a run; skips records in an unknown format. */
export function strategiesView(run: RunReader): StrategiesView {
  const rows = run.lists(
    `SELECT step, name, json_extract(result, '$.strategies') FROM evaluations
     WHERE json_type(result, '$.strategies') = 'object' ORDER BY id`,
  ) as [number, string, string][];
  return rows.flatMap(([step, suite, text]) => {
    const { data } = report.safeParse(JSON.parse(text));
    if (data === undefined) return [];
    const { scorer, bins, oracle, single, chosen, warnings } = data;
    return [
      {
        step,
        suite,
        scorer: scorer ?? null,
        bins: Object.entries(bins).map(([bin, problems]) => ({ bin, problems })),
        lines: linesOf(data),
        single,
        limits: Object.entries(oracle).map(([budget, share]) => ({ budget: Number(budget), share })),
        chosen: chosen.map(({ budget, policies, fixed, overFixed }) => ({
          budget,
          halves: policies.map((byBin, half) => ({ byBin, single: fixed[half]! })),
          gain: overFixed,
        })),
        warnings,
        trees: treeLinks(run, data, step, suite),
      },
    ];
  });
}

/** Returns the searches that an evaluation recorded for a problem; empty for most problems. */
export function searchesOf(run: RunReader, step: number, suite: string, problemId: string): ShownSearch[] {
  const rows = run.lists(
    `SELECT json_extract(result, '$.strategies.trees') FROM evaluations WHERE step = ? AND name = ?`,
    step,
    suite,
  ) as [string | null][];
  const trees = z.array(searchTree).safeParse(JSON.parse(rows.at(-1)?.[0] ?? '[]'));
  return trees.success ? trees.data.filter((tree) => tree.problemId === problemId) : [];
}

function linesOf({ arms, chosen }: Report): StrategyLine[] {
  const lines = Map.groupBy(arms, ({ name }) => name);
  const chosenPoints = chosen.map(({ budget, accuracy, tokens, byBin, tokensByBin }) => ({
    budget,
    all: { tokens, accuracy },
    byBin: pointsOf(byBin, (bin) => tokensByBin[bin]!),
  }));
  const named = Array.from(lines, ([name, some]): StrategyLine => {
    const space = name.lastIndexOf(' ');
    const hasRule = some[0]!.choice !== 'majority' && space > 0;
    return {
      name: hasRule ? name.slice(0, space) : name,
      rule: hasRule ? name.slice(space + 1) : null,
      points: some
        .toSorted((a, b) => a.budget - b.budget)
        .map(({ budget, accuracy, written, scored, byBin, writtenByBin, scoredByBin }) => ({
          budget,
          all: { tokens: written + scored, accuracy },
          byBin: pointsOf(byBin, (bin) => writtenByBin[bin]! + scoredByBin[bin]!),
        })),
    };
  });
  if (chosenPoints.length === 0) return named;
  return [...named, { name: 'chosen by bin', rule: null, points: chosenPoints }];
}

const pointsOf = (
  byBin: Readonly<Record<string, Share>>,
  tokensOf: (bin: string) => number,
): Record<string, StrategyPoint> =>
  Object.fromEntries(
    Object.entries(byBin).map(([bin, accuracy]) => [bin, { tokens: tokensOf(bin), accuracy }]),
  );

function treeLinks(run: RunReader, { trees }: Report, step: number, suite: string): TreeLink[] {
  const byProblem = Map.groupBy(trees, ({ problemId }) => problemId);
  return Array.from(byProblem, ([problemId, some]) => {
    const [found] = run.lists(
      `SELECT id FROM groups WHERE problem_id = ? AND purpose = 'evaluate' AND step = ? AND stage = ? ORDER BY id DESC LIMIT 1`,
      problemId,
      step,
      suite,
    ) as [number][];
    return { problemId, group: found?.[0] ?? null, searches: some.length };
  });
}
