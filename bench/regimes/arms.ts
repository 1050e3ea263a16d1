import { zeroAdvantage } from '../../src/curriculum/gates/zero-advantage.ts';
import { auto } from '../../src/curriculum/samplers/auto.ts';
import { thompsonLiveShare } from '../../src/curriculum/samplers/thompson-live-share.ts';
import { thompsonPassRate } from '../../src/curriculum/samplers/thompson-pass-rate.ts';
import { stage } from '../../src/curriculum/stage.ts';
import { allOf, inLevel, not } from '../../src/difficulty/levels/level-rules.ts';
import { simpleLevels } from '../../src/difficulty/levels/level-presets.ts';
import { passRate } from '../../src/difficulty/probing/pass-rate.ts';
import { type Arm, mixOf, oneStage } from './arm.ts';
import { paperArms } from './paper-arms.ts';

/** Returns the demo's stages, without gates and refills: learnable problems for 60 % of the steps, then the harder ones of
 * these. */
const staged: Arm['stages'] = ({ isMixed }, steps) => {
  const first = Math.ceil(0.6 * steps);
  return [
    stage('learnable', { select: 'learnable', ...mixOf(isMixed), maxSteps: first }),
    stage('harder', {
      select: allOf(inLevel('learnable'), not(inLevel('easy'))),
      remeasure: { problems: 'all', rollouts: 4 },
      ...mixOf(isMixed),
      maxSteps: steps - first,
    }),
  ];
};
const measured = { difficulty: passRate({ rollouts: 4, maxTokens: 32 }), levels: simpleLevels() };

const batch = (problemsPerStep: number): Arm => ({
  letter: `U${problemsPerStep}`,
  about: `uniform, ${problemsPerStep} problems per step`,
  problemsPerStep,
  stages: oneStage(),
});

/** Version of `auto`. The commit of each version is 0: 61f6d50; 1: 3dd402c; 2: 3693a0c; 3: 336db43; 4: 73806e6. */
const autoVersion = 4;

/** Every arm by name. */
export const arms: Readonly<Record<string, Arm>> = {
  uniform: { letter: 'U', about: 'every problem once per epoch', stages: oneStage() },
  refills: {
    letter: 'D',
    about: 'dynamic sampling: uniform, dead groups replaced in up to two refills',
    every: 4,
    stages: oneStage({ gates: [zeroAdvantage()], maxRefills: 2 }),
  },
  staged: { letter: 'P', about: 'two stages by measured levels', stages: staged, settings: measured },
  'staged-free': {
    letter: 'P0',
    about: 'the same, measuring not counted',
    isMeasuringFree: true,
    stages: staged,
    settings: measured,
  },
  mopps: {
    letter: 'M',
    about: 'a Beta posterior per problem, Thompson draw nearest to ½',
    stages: oneStage({ sampler: thompsonPassRate() }),
  },
  thompson: {
    letter: 'T',
    about: 'Thompson sampling of cells by their share of live groups',
    stages: oneStage({ sampler: thompsonLiveShare() }),
  },
  auto: {
    letter: 'A',
    about: 'the sampler auto()',
    version: autoVersion,
    stages: oneStage({ sampler: auto() }),
  },
  'auto-one-cell': {
    letter: 'A−',
    about: 'auto() without shared evidence',
    version: autoVersion,
    stages: oneStage({ sampler: auto({ shareEvidence: false }) }),
  },
  oracle: {
    letter: 'O',
    about:
      'auto() without control group and brake, given 64 attempts by the base model at every problem, for free',
    version: autoVersion,
    isMeasuringFree: true,
    stages: oneStage({ sampler: auto({ uniformShare: 0.01, brake: 0 }) }),
    settings: { difficulty: passRate({ rollouts: 64, maxTokens: 32 }) },
  },
  'batch-8': batch(8),
  'batch-16': batch(16),
  'batch-64': batch(64),
  'easy-knobs': { letter: 'E', about: 'uniform over knobs 1 to 3', knobs: [1, 2, 3], stages: oneStage() },
  ...paperArms,
};
