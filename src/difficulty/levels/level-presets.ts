import type * as z from 'zod';
import { allOf, anyOf, band, thin, type LevelRuleInput } from './level-rules.ts';
import { level, type levelConfig } from './levels.ts';
import { policyLabel } from '../pass-rates/trials.ts';

type LevelInput = z.input<typeof levelConfig>;

/**
 * Levels from one model's pass rate, with prime-rl's thresholds: `hard` p ≤ 0.25, `medium` 0.25 < p ≤ 0.75, `easy`
 * p > 0.75, and across them `learnable` 0 < p < 1, where a group has signal. By `interval`, `learnable` is certain
 * exactly for problems with both a success and a failure: the same problems as by `point`.
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

/** Labels of the models whose pass rates define the paper's levels, and settings that the paper does not state. */
export interface PaperLevelOptions {
  /** R1-Distill-Qwen-1.5B in the paper: the policy before training. */
  readonly small?: string;
  /** 7B. */
  readonly medium?: string;
  /** 32B. */
  readonly large?: string;
  /** DeepSeek-R1: problems that it never solves are dropped as too hard or not gradable. `null` keeps them. */
  readonly judge?: string | null;
  /** The large model "solves" from this pass rate on and "fails" below it. Not in the paper. */
  readonly solvedFrom?: number;
  /** Share of the solved math and code that L3 keeps. */
  readonly mathShare?: number;
  readonly codeShare?: number;
  /** Of the thinning. Not in the paper. */
  readonly seed?: number;
}

/**
 * L1, L2 and L3 of Ji et al., arXiv 2504.00829. L1: the small model solves it sometimes. L2: the medium model
 * sometimes and the small one not always, or the medium one always and the small one never. L3: what the large model
 * fails, and a thinned share of what it solves. They overlap.
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
