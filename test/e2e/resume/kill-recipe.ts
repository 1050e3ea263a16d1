import {
  adamw,
  adaptive,
  beam,
  bestOfN,
  checkpoints,
  confidenceScorer,
  dapo,
  defineRecipe,
  generated,
  harvest,
  imitate,
  javascriptTests,
  mathAnswer,
  passRate,
  simpleLevels,
  stage,
  suite,
  ucb,
  whereChanged,
  zeroAdvantage,
} from 'gradus';

const families = ['addition', 'brackets', 'max-min', 'conditional'] as const;
const cells = { families: [...families], knobs: [1, 2] };

/**
 * Runs a few seconds of every feature: adaptive measuring, stages of both kinds, a harvest, a bandit, refills,
 * mini-batches, re-measuring, evaluations with strategies, checkpoints.
 */
export default defineRecipe({
  name: 'kill',
  policy: { model: '../../../models/gradus-tiny' },
  problems: [generated({ ...cells, split: 'train', perCell: 4 })],
  verifiers: { math: mathAnswer({ extraction: 'boxed' }), code: javascriptTests() },
  difficulty: passRate({
    rollouts: 3,
    maxTokens: 24,
    probing: adaptive({ horizon: 8, prior: ['likelihood', 'stated', 'known'] }),
  }),
  levels: simpleLevels(),
  algorithm: dapo({ kl: { estimator: 'k3', coefficient: 0.01 } }),
  optimizer: adamw({ learningRate: 3e-4 }),
  sampling: { maxTokens: 24 },
  batch: { problems: 6, groupSize: 4, updates: 2 },
  stages: [
    stage('first', { sampler: ucb(), mix: { math: 1, code: 1 }, gates: [zeroAdvantage()], maxSteps: 4 }),
    imitate('write-up', {
      examples: harvest({ rollouts: 2, perProblem: 2 }),
      start: 'base',
      batchSize: 8,
      maxSteps: 2,
      heldOut: 0.2,
      heldOutEvery: 2,
    }),
    stage('second', { remeasure: { problems: 'all', rollouts: 4, where: whereChanged() }, maxSteps: 4 }),
  ],
  evaluation: [
    {
      ...suite({
        name: 'held-out',
        maxTokens: 24,
        rollouts: 1,
        every: 3,
        strategies: [bestOfN(), beam({ width: 2 })],
        budgets: [2],
        scorer: confidenceScorer(),
        stepSeparator: ';',
      }),
      problems: [generated({ ...cells, split: 'held-out', perCell: 1 })],
    },
  ],
  checkpoints: checkpoints({ everySteps: 2 }),
});
