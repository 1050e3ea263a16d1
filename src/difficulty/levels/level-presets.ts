import type * as z from 'zod';
import { allOf, anyOf, band, thin, type LevelRuleInput } from './level-rules.ts';
import { level, type levelConfig } from './levels.ts';
import { policyLabel } from '../pass-rates/trials.ts';

type LevelInput = z.input<typeof levelConfig>;

/**
 * Returns levels by one model's pass rate, with prime-rl's thresholds: `hard` p ≤ 0.25, `medium` 0.25 < p ≤ 0.75,
 * `easy` p > 0.75, and, overlapping with these, `learnable` 0 < p < 1, where a group can have a learning signal. With
 * `by: 'interval'`, `learnable` is certain exactly for problems with both a success and a failure, as with `point`.
 */
export function simpleLevels(
  options: { model?: string; hardUpTo?: number; mediumUpTo?: number; by?: 'point' | 'interval' } = {},
): LevelInput[] {
  const { model = policyLabel, hardUpTo = 0.25, mediumUpTo = 0.75, by = 'point' } = options;
  return [
    level('easy', band({ model, min: mediumUpTo, excludeMin: true }), { by }),
    level('medium', band({ model, min: hardUpTo, max: mediumUpTo, excludeMin: true }), { by }),
    level('hard', band({ model, max: hardUpTo }), { by }),
    level('learnable', sometimes(model), { by }),
  ];
}

/**
 * Labels of the models whose pass rates define the levels of {@link paperLevels}, and settings, some of which the paper
 * does not specify.
 */
export interface PaperLevelOptions {
  /** Label of the small model; R1-Distill-Qwen-1.5B in the paper, the policy before training. */
  readonly small?: string;
  /** Label of the medium model; the 7B model in the paper. */
  readonly medium?: string;
  /** Label of the large model; the 32B model in the paper. */
  readonly large?: string;
  /**
   * Label of the judge; DeepSeek-R1 in the paper. Problems that it never solves are dropped as too hard or ungradable;
   * `null` keeps them.
   */
  readonly judge?: string | null;
  /** The large model "solves" a problem at or above this pass rate and "fails" it below. Not in the paper. */
  readonly solvedFrom?: number;
  /** Shares of the solved math and code problems that L3 keeps. */
  readonly mathShare?: number;
  readonly codeShare?: number;
  /** Seed of the thinning. Not in the paper. */
  readonly seed?: number;
}

/**
 * Returns the levels L1, L2 and L3 of Ji et al., arXiv 2504.00829. L1: the small model sometimes solves the problem.
 * L2: the medium model sometimes solves it and the small model does not always, or the medium model always solves it
 * and the small model never does. L3: the problems that the large model fails, and a thinned share of those that it
 * solves. The levels overlap.
 */
export function paperLevels(options: PaperLevelOptions = {}): LevelInput[] {
  const { small = 'small', medium = 'medium', judge = 'judge' } = options;
  const gradable = (rule: LevelRuleInput): LevelRuleInput =>
    judge === null ? rule : allOf(band({ model: judge, min: 0, excludeMin: true }), rule);
  const never = band({ model: small, max: 0 });
  const second = anyOf(
    allOf(never, band({ model: medium, min: 1 })),
    allOf(never, sometimes(medium)),
    allOf(sometimes(small), sometimes(medium)),
  );
  return [
    level('L1', gradable(sometimes(small))),
    level('L2', gradable(second)),
    level('L3', gradable(thirdLevel(options))),
  ];
}

function thirdLevel(options: PaperLevelOptions): LevelRuleInput {
  const { large = 'large', solvedFrom = 0.5, mathShare = 0.5, codeShare = 0.1, seed = 0 } = options;
  const solved = band({ model: large, min: solvedFrom });
  const thinnedMath = thin(solved, { share: mathShare, domain: 'math', seed });
  const thinned = thin(thinnedMath, { share: codeShare, domain: 'code', seed });
  return anyOf(band({ model: large, max: solvedFrom, excludeMax: true }), thinned);
}

function sometimes(model: string): LevelRuleInput {
  return band({ model, min: 0, max: 1, excludeMin: true, excludeMax: true });
}
