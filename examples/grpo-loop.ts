// GRPO on one page, with the public API: sample groups, judge them, turn rewards into advantages, take a step.
//
//   node -C development examples/grpo-loop.ts
import {
  algorithmConfig,
  buildTrainingBatch,
  createAlgorithm,
  createRng,
  dapo,
  generated,
  loadProblems,
  mathAnswer,
  openEmbeddedEngine,
  openVerifier,
  outcomeReward,
  problemSourceConfig,
  rewardConfig,
  rollAll,
  scoreGroup,
  verifierConfig,
} from 'gradus';

const steps = Number(process.argv[2] ?? 30);
const maxTokens = 32;

// 1. Open a policy and a verifier, and generate problems with checkable answers.
await using engine = await openEmbeddedEngine({ model: 'models/gradus-tiny' });
await using verifier = openVerifier(verifierConfig.parse(mathAnswer({ extraction: 'boxed' })));
const source = generated({
  families: ['subtraction', 'brackets'],
  knobs: [1, 2],
  split: 'train',
  perCell: 40,
});
const problems = await loadProblems(problemSourceConfig.parse(source), '.');

// 2. Define the reward of a verdict, and the loss.
const reward = rewardConfig.parse(outcomeReward());
const algorithm = createAlgorithm(algorithmConfig.parse(dapo()));
const loss = algorithm.lossSpec({ temperature: 1 });

for (let step = 1; step <= steps; step++) {
  // 3. Roll: sample a group of attempts per problem, and judge each while others are still sampled.
  const chosen = createRng(0, 'example', step).shuffle(problems).slice(0, 32);
  const groups = await rollAll(
    { engine, verifierFor: () => verifier },
    { problems: chosen, rollouts: 8, maxTokens, temperature: 1, seed: step },
  );

  // 4. Learn: make attempts more likely if they did better than their group.
  const scored = groups.map((group) => scoreGroup(group, algorithm, { reward, maxTokens }));
  const batch = buildTrainingBatch(scored, algorithm, { maxTokens });
  if (batch.sequences.length > 0) {
    await engine.learner.forwardBackward(batch, loss);
    await engine.learner.optimStep({ learningRate: 2e-4, beta2: 0.98, maxGradNorm: 1 });
  }

  const rewards = scored.flatMap((group) => group.scored.flatMap(({ reward: earned }) => earned ?? []));
  const mean = rewards.reduce((sum, value) => sum + value, 0) / rewards.length;
  console.log(
    `step ${step}: mean reward ${mean.toFixed(3)}, ${batch.sequences.length} rollouts learned from`,
  );
}
