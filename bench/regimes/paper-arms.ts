import { paperLevels } from '../../src/difficulty/levels/level-presets.ts';
import { type Arm, mixOf, oneStage } from './arm.ts';
import { levelModels, levelStore } from './paper-levels.ts';

/**
 * Token limits for the paper's 16k and 24k, if 32k correspond to the 32 tokens of evaluations. 10 tokens suffice for 87
 * % of the base model's math completions, 15 for 94 %.
 */
const limits = { first: 10, second: 15 };
/** Coefficient of the paper's entropy bonus. */
const entropy = 0.001;
/** Stage 1 takes two thirds of the steps, as in the paper (1,600 of 2,400). */
const firstShare = 2 / 3;

/** Levels by the pass rates of the base model and of two models trained for longer, measured beforehand for free. */
const settings: NonNullable<Arm['settings']> = {
  levels: paperLevels({ judge: 'large' }),
  knownPassRates: levelModels.map(({ label }) => ({ label, store: levelStore(label) })),
};

/** A setting that stage 2 changes from that of stage 1. */
type Change = 'level' | 'tokens' | 'mask' | 'entropy';
const changes: readonly Change[] = ['level', 'tokens', 'mask', 'entropy'];

/** Creates stage 1 on L2, and stage 2 with the given changes. */
const paperStages =
  (made: readonly Change[]): Arm['stages'] =>
  ({ isMixed }, steps) => {
    const first = Math.round(firstShare * steps);
    const common = { select: 'L2', ...mixOf(isMixed), maxTokens: limits.first, algorithm: { entropy } };
    const algorithm = {
      ...(!made.includes('entropy') && { entropy }),
      ...(made.includes('mask') && { truncated: 'mask' as const }),
    };
    return [
      { type: 'stage', name: 'first', ...common, maxSteps: first },
      {
        type: 'stage',
        name: 'second',
        ...common,
        ...(made.includes('level') && { select: 'L3' }),
        ...(made.includes('tokens') && { maxTokens: limits.second }),
        algorithm,
        maxSteps: steps - first,
      },
    ];
  };

const levelArm = (name: string): Arm => ({
  letter: name,
  about: `one stage on level ${name}`,
  settings,
  stages: oneStage({ select: name }),
});
const withoutChange = (change: Change): Arm => ({
  letter: `S−${change}`,
  about: `the paper's two stages, the second without its change of ${change}`,
  against: 'paper',
  settings,
  stages: paperStages(changes.filter((one) => one !== change)),
});
const specialist = (domain: 'math' | 'code'): Arm => ({
  letter: domain,
  about: `uniform over ${domain} alone, with the ${domain} rollouts of joint training`,
  problemsPerStep: 16,
  domain,
  stages: (row, maxSteps) => oneStage()({ ...row, isMixed: false }, maxSteps),
});

/** The questions of Ji et al., arXiv 2504.00829: levels, stages, the changes of stage 2, domains. */
export const paperArms: Readonly<Record<string, Arm>> = {
  L1: levelArm('L1'),
  L2: levelArm('L2'),
  L3: levelArm('L3'),
  paper: { letter: 'S', about: "the paper's two stages", settings, stages: paperStages(changes) },
  'paper-one-stage': {
    letter: 'S1',
    about: "the paper's stage 1 for the whole budget",
    settings,
    stages: paperStages([]),
  },
  'paper-same-level': withoutChange('level'),
  'paper-same-tokens': withoutChange('tokens'),
  'paper-unmasked': withoutChange('mask'),
  'paper-same-entropy': withoutChange('entropy'),
  'math-alone': specialist('math'),
  'code-alone': specialist('code'),
};
