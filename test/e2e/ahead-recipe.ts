import {
  adamw,
  ahead,
  auto,
  checkpoints,
  dapo,
  defineRecipe,
  generated,
  javascriptTests,
  mathAnswer,
  stage,
  zeroAdvantage,
} from 'gradus';

const families = ['addition', 'brackets', 'max-min', 'conditional'] as const;

/** Trains for a few seconds on rollouts up to two steps old, with refills, a mix of domains, two stages and several
 * updates per step. */
export default defineRecipe({
  name: 'ahead',
  policy: { model: '../../models/gradus-tiny' },
  problems: [generated({ families: [...families], knobs: [1, 2], split: 'train', perCell: 8 })],
  verifiers: { math: mathAnswer({ extraction: 'boxed' }), code: javascriptTests() },
  algorithm: dapo(),
  optimizer: adamw({ learningRate: 3e-4 }),
  sampling: { maxTokens: 24 },
  batch: { problems: 8, groupSize: 4, updates: 2, source: ahead({ maxOffPolicySteps: 2 }) },
  stages: [
    stage('refilled', { mix: { math: 1, code: 1 }, gates: [zeroAdvantage()], maxSteps: 6 }),
    stage('auto', { sampler: auto(), maxSteps: 4 }),
  ],
  checkpoints: checkpoints({ everySteps: 2 }),
});
