import { expect, test } from 'vitest';
import * as gradus from 'gradus';
import * as testing from 'gradus/testing';

test('the package exports exactly the listed names', () => {
  expect(Object.keys(gradus).toSorted().join(' ')).toMatchInlineSnapshot(
    `"ConfigError DataError EngineError EnvironmentError GradusError ProtocolError RunError SandboxError StorageError VerifierError WorkerCrashed adamw adaptive ahead algorithmConfig allOf answerOf anyOf asked asking auto band bandit bandits beam bestOfN bm25 bm25Index buildTrainingBatch chat checkpoints cispo code comparePaired completionsOf completionsScorer composite confidenceScorer createAlgorithm createRng customEnvironment customVerifier dapo defineRecipe distil drGrpo dvts e2h embedded environmentScore equalBands evaluate file finishReasonOf format generated grpo gspo harvest httpRetriever hub imitate inDomain inLevel inStep javascriptTests jsonl lastAnswer level levelWeighted loadProblems loadRecipe majority mathAnswer maxSteps mcp modelScorer multipleChoice neverSometimesAlways not openEmbeddedEngine openEnv openRunReader openTorchEngine openVerifier openai outcomeReward paperLevels partsReward passRate plateau poolingScorer prioritised problemSourceConfig prompt publishedSuite python pythonVerifier r1SearcherRewards readRunResult reasoningGym reasoningGymAnswer regret reinforce restart resumeTraining reveal rewardConfig rloo rollAll rollGroups rounds scoreGroup scoreReward search searchFormat shortAnswer simpleLevels solutions stage startTraining suite superviseModel tags targetDifficulty targetRate thin thompsonLiveShare thompsonPassRate toolUse torch truncation ucb uniform verifierConfig verifierScorer verifiersEnv whenAll whenAny whereChanged writtenTokens zeroAdvantage"`,
  );
  expect(Object.keys(testing).toSorted().join(' ')).toMatchInlineSnapshot(
    `"ScriptedEngine codeProblem lastTurn mathProblem sampleTurns scriptedEngine scriptedEnvironment singleTurn syntheticScorer"`,
  );
});
